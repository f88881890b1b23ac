//! Which cycles have a time axis.

use crate::equations::notation::read;

/// For the only cycle of a text: its tensors in the order of a step, each with its time axis, the direction and the lag; or how many
/// reads disagree, and how.
#[track_caller]
fn time(text: &str) -> String {
    let equations = read(text);
    let groups = equations.groups(equations.tensors.keys().copied());
    let cycles: Vec<_> = groups.iter().filter(|group| equations.is_recurrence(group)).collect();
    let [cycle] = cycles[..] else { panic!("{} cycles", cycles.len()) };
    match equations.recurrence(cycle) {
        Ok(found) => {
            let members: Vec<String> = found.members.iter().map(|&(name, axis)| format!("{}:{axis}", equations.pool.text(name))).collect();
            let direction = if found.reverse { "in reverse" } else { "forward" };
            format!("{} {direction}, {:?} back", members.join(" "), found.lag)
        }
        Err(why) => {
            let counts = [why.earlier.len(), why.later.len(), why.same.len(), why.other.len()];
            format!("{} earlier, {} later, {} same, {} other", counts[0], counts[1], counts[2], counts[3])
        }
    }
}

#[test]
fn one_axis_one_direction() {
    assert_eq!(time("h[n: batch, t: T] = 0.5 * (h[n, t - 1] or 0)"), "h:1 forward, Some(1) back");
    assert_eq!(time("h[t: T, n: batch] = (h[t + 2, n] or 0) + (h[t + 1, n] or 0)"), "h:0 in reverse, Some(2) back");
    assert_eq!(time("h[t: 9] = h[t - T] or 1"), "h:0 forward, None back");
}

#[test]
fn members_have_axes_of_their_own() {
    let text = "s[n: batch, t: T, j: 4] = sum(k: 4) (h[t - 1, n, k] or 0)\n h[t: T, n: batch, j: 4] = tanh(s[n, t, j])";
    assert_eq!(time(text), "s:1 h:0 forward, Some(1) back");
    let text = "h[t: T + 1] = if t > 0 { z[t - 1] } else { 0 }\n z[t: T] = exp(h[t])";
    assert_eq!(time(text), "h:0 z:0 forward, Some(1) back");
}

#[test]
fn of_two_axes_that_could_be_time_the_first_is() {
    assert_eq!(time("a[t: 4, s: 5] = (a[t - 1, s - 1] or 0) + 1"), "a:0 forward, Some(1) back");
    assert_eq!(time("a[s: 5, t: 4] = (a[s, t - 1] or 0) + (a[s - 1, t - 1] or 0) + 1"), "a:1 forward, Some(1) back");
}

#[test]
fn reads_that_disagree() {
    assert_eq!(time("h[t: T] = (h[t - 1] or 0) + (h[t + 1] or 0)"), "1 earlier, 1 later, 0 same, 0 other");
    assert_eq!(time("h[t: T] = g[t]\n g[t: T] = h[t]"), "0 earlier, 0 later, 2 same, 0 other");
    assert_eq!(time("h[t: T] = h[T - 1 - t]"), "0 earlier, 0 later, 0 same, 1 other");
    assert_eq!(time("h[t: T] = sum(s: T) h[s]"), "0 earlier, 0 later, 0 same, 1 other");
    assert_eq!(time("h[t: T] = h[t / 2]"), "0 earlier, 0 later, 0 same, 1 other");
    assert_eq!(time("a[i: 4, j: 4] = (a[i - 1, j] or 0) + (a[i, j - 1] or 0)"), "0 earlier, 0 later, 1 same, 0 other");
}
