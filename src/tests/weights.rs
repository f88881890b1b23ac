use super::networks::Line;
use crate::safetensors::{self, Numbers, Tensor, Tensors};
use crate::{Model, Network};
use std::path::{Path, PathBuf};

/// A folder of its own for each test, gone afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("nnc-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tensor(shape: &[usize], numbers: Numbers) -> Tensor {
    Tensor { shape: shape.to_vec(), numbers }
}

/// The message without the path.
fn refused<N: Network>(model: &mut Model<N>, path: &Path) -> String {
    let before = model.parameters().to_vec();
    let message = model.load(path).unwrap_err().to_string();
    assert!(model.parameters() == before, "a file that is refused changes nothing");
    message.strip_prefix(&format!("{}: ", path.display())).unwrap().to_string()
}

#[test]
fn parameters_come_back() {
    let folder = Folder::new("parameters");
    let path = folder.file("line.safetensors");
    let model = Model::<Line<f32>>::new(5);
    model.save(&path).unwrap();
    let mut other = Model::<Line<f32>>::new(6);
    other.load(&path).unwrap();
    assert_eq!(model.parameters(), other.parameters());
    let files: Vec<_> = std::fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing is left beside it");
}

#[test]
fn precisions_are_converted() {
    let folder = Folder::new("precision");
    let path = folder.file("line.safetensors");
    let mut double = Model::<Line<f64>>::new(5);
    double.parameters_mut()[0] = 0.1;
    double.save(&path).unwrap();
    let mut single = Model::<Line<f32>>::new(0);
    single.load(&path).unwrap();
    assert_eq!(single.parameters()[0], 0.1_f32);
    single.save(&path).unwrap();
    double.load(&path).unwrap();
    assert_eq!(double.parameters()[0], f64::from(0.1_f32));
    double.parameters_mut()[1] = 1e300;
    double.save(&path).unwrap();
    assert_eq!(refused(&mut single, &path), "number 1 of `w` is 1e300, which is too large for f32");
}

#[test]
fn every_mismatch_is_named() {
    let folder = Folder::new("mismatch");
    let path = folder.file("line.safetensors");
    let mut tensors = Tensors::new();
    tensors.insert("w".into(), tensor(&[1, 2], Numbers::F32(vec![1.0, 2.0])));
    tensors.insert("c".into(), tensor(&[], Numbers::F32(vec![1.0])));
    safetensors::write(&path, &tensors).unwrap();
    assert_eq!(
        refused(&mut Model::<Line<f32>>::new(0), &path),
        "`w` should have the shape [2], but has [1, 2]\n`b` is missing; a tensor of the shape [] is expected\n`c` is no tensor of `Line`"
    );
    tensors.remove("c");
    tensors.insert("w".into(), tensor(&[2], Numbers::F32(vec![1.0, 2.0])));
    tensors.insert("b".into(), tensor(&[], Numbers::I64(vec![1])));
    safetensors::write(&path, &tensors).unwrap();
    assert_eq!(refused(&mut Model::<Line<f32>>::new(0), &path), "`b` should hold F32 or F64, but holds I64");
    let missing = folder.file("none.safetensors");
    assert!(refused(&mut Model::<Line<f32>>::new(0), &missing).contains("No such file"));
}

#[test]
fn a_training_goes_on_as_if_it_had_not_stopped() {
    let folder = Folder::new("training");
    let path = folder.file("line.safetensors");
    let x: Vec<f32> = (0..20).map(|n| (n as f32 * 0.7).sin()).collect();
    let t: Vec<f32> = (0..10).map(|n| (n as f32 * 0.3).cos()).collect();
    let mut whole = Model::<Line<f32>>::new(5);
    whole.optimizer_mut().lr = 0.123;
    let mut parts = whole.clone();
    for stop in [0, 3, 10] {
        while parts.steps() < stop {
            parts.step(&x, &t).unwrap();
        }
        parts.save_training(&path).unwrap();
        parts = Model::new(99);
        parts.load_training(&path).unwrap();
    }
    while whole.steps() < 17 {
        whole.step(&x, &t).unwrap();
    }
    while parts.steps() < 17 {
        parts.step(&x, &t).unwrap();
    }
    assert_eq!(whole.parameters(), parts.parameters());
    // Without its state it is another training.
    let mut parameters_only = Model::<Line<f32>>::new(0);
    parameters_only.load(&path).unwrap();
    parameters_only.optimizer_mut().lr = 0.123;
    for _ in 0..7 {
        parameters_only.step(&x, &t).unwrap();
    }
    assert_ne!(whole.parameters(), parameters_only.parameters());

    whole.save(&path).unwrap();
    let message = parts.load_training(&path).unwrap_err().to_string();
    for part in ["`optimizer:sgd.v.w` is missing", "`optimizer:lr` is missing", "this is no file of a training"] {
        assert!(message.contains(part), "{message}");
    }
}
