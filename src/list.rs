//! Short lists without an allocation.

use std::mem::take;

/// Calls `f` with the list of `items`; up to eight stand on the stack.
pub(crate) fn with_list<T: Default, R>(items: impl Iterator<Item = T>, f: impl FnOnce(&mut [T]) -> R) -> R {
    let mut few: [T; 8] = Default::default();
    let (mut count, mut many) = (0, Vec::new());
    for item in items {
        if count == few.len() {
            many.extend(few.iter_mut().map(take));
        }
        if count < few.len() {
            few[count] = item;
        } else {
            many.push(item);
        }
        count += 1;
    }
    if count <= few.len() { f(&mut few[..count]) } else { f(&mut many) }
}
