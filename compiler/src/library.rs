//! The standard library: the files of `library/`, in the language itself, parsed once a process.
//!
//! Its trees carry spans of sources that no compilation has: file `k` is source [`FIRST_SOURCE`]` + k`. Elaboration adds the texts to
//! the sources of the compilation and moves the spans there.

use nnc_grammar::tree::{File, Item, ItemKind};
use std::sync::OnceLock;

/// The source number of the first file.
pub const FIRST_SOURCE: u32 = 1 << 31;

/// Each file with its text, in the order of a reader's road.
pub const FILES: &[(&str, &str)] = &[
    ("library/activations.nn", include_str!("../library/activations.nn")),
    ("library/dense.nn", include_str!("../library/dense.nn")),
    ("library/convolution.nn", include_str!("../library/convolution.nn")),
    ("library/pooling.nn", include_str!("../library/pooling.nn")),
    ("library/padding.nn", include_str!("../library/padding.nn")),
    ("library/resampling.nn", include_str!("../library/resampling.nn")),
    ("library/shape.nn", include_str!("../library/shape.nn")),
    ("library/normalization.nn", include_str!("../library/normalization.nn")),
    ("library/noise.nn", include_str!("../library/noise.nn")),
    ("library/attention.nn", include_str!("../library/attention.nn")),
    ("library/recurrent.nn", include_str!("../library/recurrent.nn")),
    ("library/losses.nn", include_str!("../library/losses.nn")),
    ("library/metrics.nn", include_str!("../library/metrics.nn")),
    ("library/initial.nn", include_str!("../library/initial.nn")),
    ("library/optimizers.nn", include_str!("../library/optimizers.nn")),
    ("library/schedules.nn", include_str!("../library/schedules.nn")),
];

/// The trees of [`FILES`].
///
/// # Panics
/// Never: a test parses every file.
pub fn trees() -> &'static [File] {
    static TREES: OnceLock<Vec<File>> = OnceLock::new();
    TREES.get_or_init(|| {
        let tree = |(number, &(name, text)): (usize, &(&str, &str))| match nnc_grammar::parse(FIRST_SOURCE + number as u32, text) {
            Ok(file) => file,
            Err(problems) => panic!("{name} does not parse: {problems:#?}"),
        };
        FILES.iter().enumerate().map(tree).collect()
    })
}

/// The item of a name, with its docs.
pub fn find(name: &str) -> Option<&'static Item> {
    trees().iter().flat_map(|file| &file.items).find(|item| item_name(item) == Some(name))
}

/// The name that an item defines; nothing for an import.
pub fn item_name(item: &Item) -> Option<&str> {
    match &item.kind {
        ItemKind::Import(_) => None,
        ItemKind::Constant { name, .. } | ItemKind::Function { name, .. } => Some(&name.text),
        ItemKind::Layer(definition) | ItemKind::Model(definition) | ItemKind::Optimizer(definition) => Some(&definition.name.text),
    }
}
