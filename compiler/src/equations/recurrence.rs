//! Recurrences: equations that read themselves or each other in a cycle, as steps in time.
//!
//! A cycle can be computed if each of its tensors has an axis, *time*, such that every read inside of the cycle is at the same time plus
//! a constant: `h[n, t - 1, k]`. The constants are all 0 or below (the steps go forward), or all 0 or above (in reverse), and the reads
//! at the same time make no cycle, which gives the order of the tensors inside a step. Which axis is time follows from one tensor's: a
//! read at `t + c` makes the axis that it indexes time. So the axes of the first tensor are tried in their order.

use super::{AtomNode, Equations, Index, Name, Part, Parts, ScalarNode};
use std::collections::{BTreeMap, BTreeSet};

/// How a cycle is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// Its tensors in the order in which a step computes them, each with the number of its time axis.
    pub members: Vec<(Name, u32)>,
    /// Whether the last element is computed first.
    pub reverse: bool,
    /// How many steps back the earliest read is; nothing if that depends on a size.
    pub lag: Option<i64>,
}

/// A read inside of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The tensor whose equation it stands in.
    pub reader: Name,
    /// What is read.
    pub tensor: Name,
    /// Where.
    pub at: Vec<Index>,
}

/// Why a cycle cannot be computed step by step, for the axis that came nearest. Not all lists are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoTime {
    /// Reads of earlier elements, if there are later ones too.
    pub earlier: Vec<Access>,
    /// Reads of later elements, if there are earlier ones too.
    pub later: Vec<Access>,
    /// Reads that make a cycle at the same time.
    pub same: Vec<Access>,
    /// Reads that are at no constant distance.
    pub other: Vec<Access>,
}

/// How far from the present step a read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distance {
    Steps(i64),
    /// By a size: earlier or later.
    Unknown {
        later: bool,
    },
}

impl Distance {
    fn is_earlier(self) -> bool {
        matches!(self, Distance::Steps(..0) | Distance::Unknown { later: false })
    }
    fn is_later(self) -> bool {
        matches!(self, Distance::Steps(1..) | Distance::Unknown { later: true })
    }
}

impl Equations {
    /// Time, direction and order of a group of [`Equations::groups`] that reads itself.
    ///
    /// # Errors
    /// The reads that disagree, if there is no axis along which it can be computed.
    pub fn recurrence(&self, group: &[Name]) -> Result<Recurrence, NoTime> {
        let accesses = self.accesses_inside(group);
        let Some(&first) = group.first() else { return Err(NoTime::default()) };
        let mut nearest: Option<(usize, NoTime)> = None;
        for axis in 0..self.tensors[&first].axes.len() as u32 {
            match self.along(group, &accesses, first, axis) {
                Ok(found) => return Ok(found),
                Err((disagree, why)) => {
                    if nearest.as_ref().is_none_or(|&(least, _)| disagree < least) {
                        nearest = Some((disagree, why));
                    }
                }
            }
        }
        let other = || NoTime { other: accesses.clone(), ..NoTime::default() };
        Err(nearest.map_or_else(other, |(_, why)| why))
    }
    /// Every read inside of a group, each once.
    fn accesses_inside(&self, group: &[Name]) -> Vec<Access> {
        let members: BTreeSet<Name> = group.iter().copied().collect();
        let mut found = Vec::new();
        for &reader in group {
            let Some(equation) = self.tensors[&reader].equation() else { continue };
            let mut seen = BTreeSet::new();
            for parts in [Parts::of_scalar(equation.body), Parts::of_condition(equation.condition)] {
                self.pool.visit(parts, &mut |part| {
                    let read = match part {
                        Part::Scalar(scalar) => match self.pool.scalar(scalar) {
                            ScalarNode::Read { tensor, at } => Some((*tensor, at)),
                            _ => None,
                        },
                        Part::Atom(atom) => match self.pool.atom(atom) {
                            AtomNode::Read { tensor, at, .. } => Some((*tensor, at)),
                            _ => None,
                        },
                        _ => None,
                    };
                    if let Some((tensor, at)) = read
                        && members.contains(&tensor)
                        && seen.insert((tensor, at.clone()))
                    {
                        found.push(Access { reader, tensor, at: at.clone() });
                    }
                });
            }
        }
        found
    }
    /// With `axis` of `first` as time; what disagrees otherwise, and a number that is small where little does.
    fn along(&self, group: &[Name], accesses: &[Access], first: Name, axis: u32) -> Result<Recurrence, (usize, NoTime)> {
        let mut time: BTreeMap<Name, u32> = BTreeMap::from([(first, axis)]);
        let mut waiting = vec![first];
        while let Some(name) = waiting.pop() {
            for access in accesses.iter().filter(|access| access.reader == name) {
                if time.contains_key(&access.tensor) {
                    continue;
                }
                let of_reader = time[&name];
                let found = (0..access.at.len() as u32).find(|&number| self.distance(access, of_reader, number).is_some());
                if let Some(number) = found {
                    time.insert(access.tensor, number);
                    waiting.push(access.tensor);
                }
            }
        }
        let mut why = NoTime::default();
        let mut distances = Vec::new();
        let mut lag = Some(0);
        for access in accesses {
            let distance = match (time.get(&access.reader), time.get(&access.tensor)) {
                (Some(&of_reader), Some(&of_tensor)) => self.distance(access, of_reader, of_tensor),
                _ => None,
            };
            match distance {
                None => why.other.push(access.clone()),
                Some(distance) => {
                    if distance.is_earlier() {
                        why.earlier.push(access.clone());
                    } else if distance.is_later() {
                        why.later.push(access.clone());
                    }
                    lag = match (lag, distance) {
                        (Some(lag), Distance::Steps(steps)) => Some(lag.max(steps.abs())),
                        _ => None,
                    };
                    distances.push((access, distance));
                }
            }
        }
        let now: Vec<&Access> =
            distances.iter().filter(|(_, distance)| *distance == Distance::Steps(0)).map(|&(access, _)| access).collect();
        let order = self.order_in_step(group, &now);
        let reverse = !why.later.is_empty();
        if let (true, true, Ok(order)) = (why.other.is_empty(), why.earlier.is_empty() || why.later.is_empty(), &order) {
            let members = order.iter().map(|&name| (name, time[&name])).collect();
            return Ok(Recurrence { members, reverse, lag });
        }
        // An axis that no read moves along is no candidate for time, unless there is no other.
        let moves = !why.earlier.is_empty() || !why.later.is_empty();
        if why.earlier.is_empty() || why.later.is_empty() {
            why.earlier.clear();
            why.later.clear();
        }
        if let Err(left) = order {
            let cyclic = |access: &&&Access| left.contains(&access.reader) && left.contains(&access.tensor);
            why.same = now.iter().filter(cyclic).map(|&access| access.clone()).collect();
        }
        let still = match (moves, why.other.is_empty()) {
            (true, _) => 0,
            (false, false) => accesses.len(),
            (false, true) => 2 * accesses.len(),
        };
        let disagree = why.other.len() + why.earlier.len().min(why.later.len()) + why.same.len() + still;
        Err((disagree, why))
    }
    /// The tensors in an order in which each reads at the same time only those before it; those left over otherwise.
    fn order_in_step(&self, group: &[Name], now: &[&Access]) -> Result<Vec<Name>, BTreeSet<Name>> {
        let mut needs: BTreeMap<Name, BTreeSet<Name>> = group.iter().map(|&name| (name, BTreeSet::new())).collect();
        for access in now {
            needs.entry(access.reader).or_default().insert(access.tensor);
        }
        let mut order = Vec::new();
        while let Some((&name, _)) = needs.iter().find(|(_, needs)| needs.is_empty()) {
            needs.remove(&name);
            needs.values_mut().for_each(|others| _ = others.remove(&name));
            order.push(name);
        }
        if needs.is_empty() { Ok(order) } else { Err(needs.into_keys().collect()) }
    }
    /// `at[number] - axis`, if that is a constant or a size.
    fn distance(&self, access: &Access, axis: u32, number: u32) -> Option<Distance> {
        let affine = self.pool.affine(*access.at.get(number as usize)?);
        let size = *self.tensors[&access.reader].axes.get(axis as usize)?;
        // an axis of one element is shown as 0
        let single = self.pool.constant_of(size) == Some(1);
        let mut found = single;
        let (mut above, mut below) = (affine.constant > 0, affine.constant < 0);
        let mut sizes = false;
        for &(atom, k) in &affine.terms {
            match self.pool.atom(atom) {
                AtomNode::Axis { number, .. } if *number == axis && k == 1 => found = true,
                AtomNode::Size { .. } => {
                    sizes = true;
                    above |= k > 0;
                    below |= k < 0;
                }
                _ => return None,
            }
        }
        match (found, sizes) {
            (false, _) => None,
            (true, false) => Some(Distance::Steps(affine.constant)),
            (true, true) if above != below => Some(Distance::Unknown { later: above }),
            (true, true) => None,
        }
    }
}
