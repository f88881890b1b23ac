use super::weights::Folder;
use crate::safetensors::{Numbers, Tensor, Tensors, parse, read, write};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

fn some() -> Tensors {
    let tensor = |shape: &[usize], numbers| Tensor { shape: shape.to_vec(), numbers };
    Tensors::from([
        ("fc1.w".into(), tensor(&[2, 3], Numbers::F32(vec![1.0, -0.0, f32::MAX, 1e-45, f32::INFINITY, 0.1]))),
        ("größe \"x\"\\\n".into(), tensor(&[1], Numbers::F64(vec![0.1]))),
        ("t".into(), tensor(&[0, 4], Numbers::I32(vec![]))),
        ("step".into(), tensor(&[], Numbers::I64(vec![i64::MIN]))),
    ])
}

fn bytes(numbers: &Numbers) -> Vec<u8> {
    match numbers {
        Numbers::F32(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Numbers::F64(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Numbers::I32(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Numbers::I64(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

#[test]
fn the_reference_reads_what_we_write() {
    let folder = Folder::new("write");
    let path = folder.file("some.safetensors");
    write(&path, &some()).unwrap();
    assert_eq!(read(&path).unwrap(), some());
    let file = std::fs::read(&path).unwrap();
    let theirs = SafeTensors::deserialize(&file).unwrap();
    assert_eq!(theirs.len(), some().len());
    for (name, tensor) in some() {
        let view = theirs.tensor(&name).unwrap();
        assert_eq!(format!("{:?}", view.dtype()), tensor.numbers.dtype());
        assert_eq!(view.shape(), tensor.shape);
        assert_eq!(view.data(), bytes(&tensor.numbers));
    }
}

#[test]
fn we_read_what_the_reference_writes() {
    let kept: Vec<_> = some().into_iter().map(|(name, tensor)| (name, tensor.shape, bytes(&tensor.numbers), tensor.numbers)).collect();
    let views = kept.iter().map(|(name, shape, bytes, numbers)| {
        let dtype = match numbers {
            Numbers::F32(_) => Dtype::F32,
            Numbers::F64(_) => Dtype::F64,
            Numbers::I32(_) => Dtype::I32,
            Numbers::I64(_) => Dtype::I64,
        };
        (name, TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    let metadata = [("format".to_string(), "pt".to_string())].into_iter().collect();
    let file = safetensors::serialize(views, Some(metadata)).unwrap();
    assert_eq!(parse(&file).unwrap(), some());
}

/// A file of this header and so many zeros.
fn file(header: &str, numbers: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(vec![0; numbers]);
    file
}

#[track_caller]
fn check(header: &str, numbers: usize, expected: &str) {
    let message = parse(&file(header, numbers)).unwrap_err();
    assert_eq!(message, expected);
}

#[test]
fn malformed_files_are_refused() {
    assert_eq!(parse(&[1, 2, 3]).unwrap_err(), "no safetensors file: it has 3 bytes, and the length of the header alone takes 8");
    let huge = u64::MAX.to_le_bytes();
    let message = "no safetensors file, or cut off: a header of 18446744073709551615 bytes, but 0 bytes follow";
    assert_eq!(parse(&huge).unwrap_err(), message);
    let entry = |shape: &str, begin: usize, end: usize| format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#);
    let one = |shape: &str, begin: usize, end: usize| format!(r#"{{"a":{}}}"#, entry(shape, begin, end));
    let two = |begin: usize, end: usize| format!(r#"{{"a":{},"b":{}}}"#, entry("[2]", 0, 8), entry("[1]", begin, end));
    assert!(parse(&file(&two(8, 12), 12)).is_ok());
    check(&one("[2]", 0, 8), 7, "`a` ends at byte 8 of the numbers, but the file has only 7");
    check(&one("[2]", 0, 8), 9, "the file has 9 bytes of numbers, but its tensors end at byte 8");
    check(&one("[3]", 0, 8), 8, "`a` has 8 bytes, which is not what the shape [3] of F32 takes");
    check(&one("[2]", 8, 0), 8, "`a` should begin at byte 0 of the numbers, but the header places it at [8, 0]");
    check(&two(4, 8), 8, "`b` should begin at byte 8 of the numbers, but the header places it at [4, 8]");
    check(&two(9, 13), 13, "`b` should begin at byte 8 of the numbers, but the header places it at [9, 13]");
    let most = usize::MAX;
    let message = format!("`a` has 8 bytes, which is not what the shape [{most}, {most}] of F32 takes");
    check(&one(&format!("[{most},{most}]"), 0, 8), 8, &message);
    check(&one("[2]", 0, usize::MAX), 8, &format!("`a` ends at byte {most} of the numbers, but the file has only 8"));
    let unknown = one("[2]", 0, 4).replace("F32", "BF16");
    check(&unknown, 4, "`a` holds BF16; F32, F64, I32 and I64 can be read");
    check(&format!("{{{0},{0}}}", &one("[0]", 0, 0)[1..one("[0]", 0, 0).len() - 1]), 0, "`a` occurs twice");
    check(r#"{"a":{"dtype":"F32","dtype":"F32"}}"#, 0, "`a` has `dtype` twice");
    check(r#"{"a":{"dtype":"F32"}}"#, 0, "`a` needs `dtype`, `shape` and `data_offsets`");
    check(r#"{"a":{"layout":"F32"}}"#, 0, "`a` has the unknown property `layout`");
    check(r#"{"a":{"shape":[1,-1]}}"#, 0, "the header is damaged: a whole number is expected at its byte 17");
    check(r#"{"a":{"shape":[99999999999999999999]}}"#, 0, "the header is damaged: a whole number is expected at its byte 15");
    check(r#"{"a":"#, 0, "the header is damaged: `{` is expected at its byte 5");
    check(r#"{"a\ud800":{}}"#, 0, "the header is damaged: a letter is expected at its byte 9");
    check("{} {", 0, "the header is damaged: the end is expected at its byte 3");
    check("[", 0, "the header is damaged: `{` is expected at its byte 0");
    assert!(parse(&file(r#"{"\u00e9\ud83d\ude00\n":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4)).unwrap().contains_key("é😀\n"));
}

#[test]
fn no_damage_panics() {
    let folder = Folder::new("damage");
    let path = folder.file("some.safetensors");
    write(&path, &some()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        assert!(parse(&whole[..length]).is_err(), "cut off at {length}");
    }
    // Each byte of the header in turn becomes every other one; what is still a file has as many numbers as it says.
    let header = whole.len() - bytes_of_numbers();
    for place in 0..header {
        for byte in 0..=255 {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            for (name, tensor) in parse(&damaged).unwrap_or_default() {
                assert_eq!(tensor.numbers.len(), tensor.shape.iter().product::<usize>(), "{name}");
            }
        }
    }
}

fn bytes_of_numbers() -> usize {
    some().values().map(|tensor| bytes(&tensor.numbers).len()).sum()
}
