//! What shares a nest.

use crate::equations::Equations;
use crate::program::Call;

/// Joins neighbours.
pub fn fuse(_equations: &mut Equations, _calls: &mut Vec<Call>) {}
