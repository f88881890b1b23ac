//! An order in which equations can be read and evaluated: what is read stands before what reads it.

use super::{Equations, Name};
use std::collections::BTreeMap;

impl Equations {
    /// The tensors that `wanted` need, themselves included, in groups: each reads only its own group and those before it. A group of
    /// more than one tensor, or one that reads itself, is a recurrence; its members are in name order. Names without a tensor are left out.
    ///
    /// These are the strongly connected components, by Tarjan's algorithm without recursion (SIAM J. Comput. 1972).
    pub fn groups(&self, wanted: impl IntoIterator<Item = Name>) -> Vec<Vec<Name>> {
        struct Visit {
            name: Name,
            reads: Vec<Name>,
            next: usize,
        }
        let mut number: BTreeMap<Name, usize> = BTreeMap::new(); // when it was first seen
        let mut lowest: BTreeMap<Name, usize> = BTreeMap::new(); // the first seen that it reaches; none once its group is complete
        let mut open: Vec<Name> = Vec::new();
        let mut groups = Vec::new();
        for start in wanted {
            if !self.tensors.contains_key(&start) || number.contains_key(&start) {
                continue;
            }
            let mut path: Vec<Visit> = Vec::new();
            let mut enter = Some(start);
            loop {
                if let Some(name) = enter.take() {
                    let now = number.len();
                    number.insert(name, now);
                    lowest.insert(name, now);
                    open.push(name);
                    let reads = self.reads(name).into_iter().filter(|read| self.tensors.contains_key(read)).collect();
                    path.push(Visit { name, reads, next: 0 });
                }
                let Some(visit) = path.last_mut() else { break };
                if let Some(&read) = visit.reads.get(visit.next) {
                    visit.next += 1;
                    if !number.contains_key(&read) {
                        enter = Some(read);
                    } else if let Some(&reached) = lowest.get(&read) {
                        let name = visit.name;
                        lowest.entry(name).and_modify(|low| *low = (*low).min(reached));
                    }
                    continue;
                }
                let name = visit.name;
                let reached = lowest[&name];
                path.pop();
                if let Some(reader) = path.last() {
                    lowest.entry(reader.name).and_modify(|low| *low = (*low).min(reached));
                }
                if reached == number[&name] {
                    let at = open.iter().rposition(|&member| member == name).unwrap_or(0);
                    let mut group = open.split_off(at);
                    for member in &group {
                        lowest.remove(member);
                    }
                    group.sort_unstable();
                    groups.push(group);
                }
            }
        }
        groups
    }
    /// Whether a group of [`Equations::groups`] reads itself.
    pub fn is_recurrence(&self, group: &[Name]) -> bool {
        group.len() > 1 || group.iter().any(|&name| self.reads(name).contains(&name))
    }
}
