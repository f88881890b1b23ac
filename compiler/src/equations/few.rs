//! A map for the parts of one expression. Most expressions have few: these are a list, searched from its end; more than [`FEW`] are
//! hashed. It is looked up only, never iterated, so its order reaches no output.

use std::collections::HashMap;
use std::hash::Hash;

/// How many are a list.
const FEW: usize = 16;

/// Keys to values; a set where the values are `()`.
pub struct Few<K, V> {
    list: Vec<(K, V)>,
    hashed: HashMap<K, V, foldhash::fast::FixedState>,
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few { list: Vec::new(), hashed: HashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Copy> Few<K, V> {
    /// The value of a key.
    pub fn get(&self, key: K) -> Option<V> {
        if self.hashed.is_empty() {
            return self.list.iter().rev().find(|(known, _)| *known == key).map(|&(_, value)| value);
        }
        self.hashed.get(&key).copied()
    }
    /// Whether a key has no value yet; it has this one from now on.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        if self.get(key).is_some() {
            return false;
        }
        if self.hashed.is_empty() && self.list.len() < FEW {
            self.list.push((key, value));
        } else {
            self.hashed.extend(self.list.drain(..));
            self.hashed.insert(key, value);
        }
        true
    }
}
