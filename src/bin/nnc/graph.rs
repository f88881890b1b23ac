//! The stages of a model as a drawing: a row for each step of the longest way to a stage, boxes for stages, arrows for what they read.
//! An arrow that passes rows goes around them on the right, in a lane of its own.

use crate::show::signature;
use nnc_compiler::model::Interface;
use nnc_compiler::report::{Read, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

const HEIGHT: usize = 46;
const ROW: usize = 76;
const GAP: usize = 28;
const MARGIN: usize = 24;
const LANE: usize = 16;
/// The width of a letter of the font, at the most; in tenths.
const LETTER: usize = 75;
const LONGEST: usize = 44;

/// What stands in a box, and where.
struct Node {
    title: String,
    lines: String,
    class: &'static str,
    reads: Vec<usize>,
    row: usize,
    x: usize,
    width: usize,
}

/// The drawing as SVG. The same report gives the same text.
pub fn draw(interface: &Interface, report: &Report) -> String {
    let mut nodes = nodes(interface, report);
    rows(&mut nodes);
    let width = columns(&mut nodes);
    let lanes = lanes(&nodes);
    let count = lanes.values().max().map_or(0, |lane| lane + 1);
    let (height, full) =
        (nodes.iter().map(|node| node.row + 1).max().unwrap_or(0) * ROW + 2 * MARGIN - (ROW - HEIGHT), width + 2 * MARGIN + count * LANE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full}\" height=\"{height}\" viewBox=\"0 0 {full} {height}\" role=\"img\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        escaped(&interface.name)
    );
    for (number, node) in nodes.iter().enumerate() {
        for &read in &node.reads {
            let _ = writeln!(svg, "<path class=\"arrow\" d=\"{}\"/>", arrow(&nodes, read, number, lanes.get(&(read, number)), width));
        }
    }
    for node in &nodes {
        let (x, y) = (node.x, node.row * ROW + MARGIN);
        let middle = x + node.width / 2;
        let _ = writeln!(
            svg,
            "<g class=\"{}\"><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{HEIGHT}\" rx=\"6\"/>\
             <text class=\"name\" x=\"{middle}\" y=\"{}\">{}</text><text x=\"{middle}\" y=\"{}\">{}</text></g>",
            node.class,
            node.width,
            y + 19,
            escaped(&node.title),
            y + 36,
            escaped(&node.lines),
        );
    }
    svg + "</svg>\n"
}

const STYLE: &str = "text { font: 12px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #33475b; }
.name { font-weight: bold; fill: #10202f; }
rect { fill: #eef4fb; stroke: #4a7fb5; }
.input rect { fill: #eaf6ec; stroke: #4c9a5c; }
.target rect { fill: #fdf3e4; stroke: #c58a2a; }
.output rect { fill: #f5ecfa; stroke: #8a5bb0; }
.arrow { fill: none; stroke: #5b6b7a; stroke-width: 1.3; marker-end: url(#tip); }
marker path { fill: #5b6b7a; }
";

/// Inputs, stages, outputs.
fn nodes(interface: &Interface, report: &Report) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut ports: BTreeMap<&str, usize> = BTreeMap::new();
    let read = |name: &str| report.stages.iter().any(|stage| stage.reads.contains(&Read::Port(name.to_string())));
    for (ports_of, class) in [(&interface.inputs, "input"), (&interface.targets, "target")] {
        for port in ports_of.iter().filter(|port| class == "input" || read(&port.name)) {
            ports.insert(&port.name, nodes.len());
            nodes.push(node(class.to_string(), signature(report, port), class, Vec::new()));
        }
    }
    let first = nodes.len();
    for stage in &report.stages {
        let shape: Vec<String> = stage.shape.iter().map(|&axis| report.print(axis)).collect();
        let title = if stage.definition.is_empty() { stage.name.clone() } else { format!("{}: {}", stage.name, stage.definition) };
        let place = |read: &Read| match read {
            Read::Port(name) => ports.get(name.as_str()).copied(),
            Read::Stage(number) => Some(first + number),
        };
        let reads = stage.reads.iter().filter_map(place).collect();
        nodes.push(node(title, format!("[{}]", shape.join(", ")), "stage", reads));
    }
    for (port, stage) in interface.outputs.iter().zip(&report.outputs) {
        let from = match stage {
            Some(Read::Stage(number)) => vec![first + number],
            Some(Read::Port(name)) => ports.get(name.as_str()).copied().into_iter().collect(),
            None => Vec::new(),
        };
        nodes.push(node("output".to_string(), signature(report, port), "output", from));
    }
    nodes
}

fn node(title: String, lines: String, class: &'static str, reads: Vec<usize>) -> Node {
    let cut = |text: String| {
        if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
    };
    let (title, lines) = (cut(title), cut(lines));
    let letters = title.chars().count().max(lines.chars().count());
    Node { width: (letters * LETTER / 10 + 24).max(110), title, lines, class, reads, row: 0, x: 0 }
}

/// Each node one row below the lowest that it reads; what reads nothing right above the first that reads it.
fn rows(nodes: &mut [Node]) {
    for number in 0..nodes.len() {
        let row = nodes[number].reads.iter().map(|&read| nodes[read].row + 1).max().unwrap_or(0);
        nodes[number].row = row;
    }
    for number in 0..nodes.len() {
        let readers = nodes.iter().filter(|node| node.reads.contains(&number)).map(|node| node.row);
        if nodes[number].reads.is_empty()
            && let Some(row) = readers.min()
        {
            nodes[number].row = row.saturating_sub(1);
        }
    }
}

/// Places the nodes of each row side by side around the middle, in the order of what they read; returns the width of the widest row.
fn columns(nodes: &mut [Node]) -> usize {
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        rows.entry(node.row).or_default().push(number);
    }
    let span = |row: &[usize], nodes: &[Node]| row.iter().map(|&number| nodes[number].width + GAP).sum::<usize>() - GAP;
    let width = rows.values().map(|row| span(row, nodes)).max().unwrap_or(0);
    for row in rows.values_mut() {
        row.sort_by_key(|&number| {
            let reads = &nodes[number].reads;
            let middles: usize = reads.iter().map(|&read| nodes[read].x + nodes[read].width / 2).sum();
            (middles.checked_div(reads.len()).unwrap_or(usize::MAX), number)
        });
        let mut x = MARGIN + (width - span(row, nodes)) / 2;
        for &number in row.iter() {
            nodes[number].x = x;
            x += nodes[number].width + GAP;
        }
    }
    width
}

/// A lane for each arrow that passes a row: the first that is free between its rows.
fn lanes(nodes: &[Node]) -> BTreeMap<(usize, usize), usize> {
    let mut long: Vec<(usize, usize, usize, usize)> = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        for &read in node.reads.iter().filter(|&&read| nodes[read].row + 1 < node.row) {
            long.push((node.row - nodes[read].row, nodes[read].row, read, number));
        }
    }
    long.sort_unstable();
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut lanes = BTreeMap::new();
    for (length, from, read, number) in long {
        let to = from + length;
        let free = |lane: &Vec<(usize, usize)>| lane.iter().all(|&(start, end)| to <= start || end <= from);
        let lane = taken.iter().position(free).unwrap_or(taken.len());
        if lane == taken.len() {
            taken.push(Vec::new());
        }
        taken[lane].push((from, to));
        lanes.insert((read, number), lane);
    }
    lanes
}

fn arrow(nodes: &[Node], from: usize, to: usize, lane: Option<&usize>, width: usize) -> String {
    let (start, end) = (&nodes[from], &nodes[to]);
    let top = |node: &Node| node.row * ROW + MARGIN;
    match lane {
        None => {
            let (x1, y1, x2, y2) = (start.x + start.width / 2, top(start) + HEIGHT, end.x + end.width / 2, top(end));
            let middle = y1.midpoint(y2);
            if x1 == x2 { format!("M{x1} {y1}V{y2}") } else { format!("M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}") }
        }
        Some(lane) => {
            let x = MARGIN + width + (lane + 1) * LANE - LANE / 2;
            let (x1, y1, x2, y2) = (start.x + start.width, top(start) + HEIGHT * 2 / 3, end.x + end.width, top(end) + HEIGHT / 3);
            let bend = LANE / 2;
            format!("M{x1} {y1}H{}Q{x} {y1} {x} {}V{}Q{x} {y2} {} {y2}H{x2}", x - bend, y1 + bend, y2 - bend, x - bend)
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
