//! Files of named tensors, in the format of `safetensors` 0.3 and later (<https://huggingface.co/docs/safetensors>):
//! ```text
//! length of the header: u64, little-endian
//! header: JSON { name: { "dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end] }, …, "__metadata__": { … } }, spaces
//! numbers: little-endian, row-major, without gaps
//! ```
//! A file is refused unless all of it is as above: every byte of the numbers belongs to exactly one tensor, every length is what the
//! shape says, no name occurs twice. Memory is allocated for what the file really holds, never for what it claims.

use crate::{Error, file};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The sizes of its axes; none for a single number.
    pub shape: Vec<usize>,
    /// Row-major, as many as the product of the sizes.
    pub numbers: Numbers,
}

/// The numbers of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// `f32`
    F32(Vec<f32>),
    /// `f64`
    F64(Vec<f64>),
    /// `i32`
    I32(Vec<i32>),
    /// `i64`
    I64(Vec<i64>),
}

/// The reference implementation refuses longer headers.
const LONGEST_HEADER: usize = 100_000_000;

/// The tensors of the file at `path`.
///
/// # Errors
/// The file cannot be read, or is not as the format demands; the message names the tensor.
pub fn read(path: impl AsRef<Path>) -> Result<Tensors, Error> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(Error::io(path))?;
    parse(&bytes).map_err(|message| Error::File { path: path.into(), message })
}

/// Writes a file of these tensors, whole or not at all. The same tensors give the same bytes.
///
/// # Errors
/// The file cannot be written.
///
/// # Panics
/// The numbers of a tensor are not as many as its shape says.
pub fn write(path: impl AsRef<Path>, tensors: &Tensors) -> Result<(), Error> {
    file::write(path.as_ref(), &print(tensors))
}

impl Numbers {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Numbers::F32(numbers) => numbers.len(),
            Numbers::F64(numbers) => numbers.len(),
            Numbers::I32(numbers) => numbers.len(),
            Numbers::I64(numbers) => numbers.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their type, as the format writes it.
    pub fn dtype(&self) -> &'static str {
        match self {
            Numbers::F32(_) => "F32",
            Numbers::F64(_) => "F64",
            Numbers::I32(_) => "I32",
            Numbers::I64(_) => "I64",
        }
    }

    fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Numbers::F32(numbers) => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
            Numbers::F64(numbers) => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
            Numbers::I32(numbers) => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
            Numbers::I64(numbers) => bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
        }
    }

    fn of(dtype: &str, bytes: &[u8]) -> Option<Numbers> {
        fn chunks<const N: usize, T>(bytes: &[u8], number: fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks().0.iter().map(|chunk| number(*chunk)).collect()
        }
        Some(match dtype {
            "F32" => Numbers::F32(chunks(bytes, f32::from_le_bytes)),
            "F64" => Numbers::F64(chunks(bytes, f64::from_le_bytes)),
            "I32" => Numbers::I32(chunks(bytes, i32::from_le_bytes)),
            "I64" => Numbers::I64(chunks(bytes, i64::from_le_bytes)),
            _ => return None,
        })
    }
}

/// How many bytes a number has.
fn width(dtype: &str) -> usize {
    if matches!(dtype, "F64" | "I64") { 8 } else { 4 }
}

/// The bytes of a file of these tensors; the wider numbers first, so that all are aligned.
///
/// # Panics
/// As [`write()`].
pub fn print(tensors: &Tensors) -> Vec<u8> {
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, tensor)| std::cmp::Reverse(width(tensor.numbers.dtype())));
    let (mut header, mut numbers) = (String::from("{"), Vec::new());
    for (place, (name, tensor)) in order.into_iter().enumerate() {
        assert_eq!(tensor.numbers.len(), tensor.shape.iter().product::<usize>(), "`{name}` has as many numbers as its shape says");
        let begin = numbers.len();
        tensor.numbers.append_to(&mut numbers);
        header.push_str(if place == 0 { "" } else { "," });
        print_string(&mut header, name);
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        let (dtype, shape, end) = (tensor.numbers.dtype(), shape.join(","), numbers.len());
        header.push_str(&format!(r#":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{begin},{end}]}}"#));
    }
    header.push('}');
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.extend(numbers);
    bytes
}

fn print_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..='\x1f' => write!(out, "\\u{:04x}", letter as u32).unwrap_or_default(),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// What the header says of a tensor.
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    begin: usize,
    end: usize,
}

/// The tensors of the bytes of a file.
///
/// # Errors
/// The bytes are not as the format demands; the message names the tensor.
pub fn parse(bytes: &[u8]) -> Result<Tensors, String> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Err(format!("no safetensors file: it has {} bytes, and the length of the header alone takes 8", bytes.len()));
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST_HEADER || length > rest.len() {
        return Err(format!("no safetensors file, or cut off: a header of {length} bytes, but {} bytes follow", rest.len()));
    }
    let (header, numbers) = rest.split_at(length);
    let header = std::str::from_utf8(header).map_err(|error| format!("the header is not UTF-8 at byte {}", error.valid_up_to()))?;
    let mut entries = Json { text: header, at: 0 }.header()?;
    entries.sort_by_key(|entry| (entry.begin, entry.end));
    let (mut tensors, mut end) = (Tensors::new(), 0);
    for entry in entries {
        let Entry { name, dtype, shape, .. } = &entry;
        if entry.begin != end || entry.end < entry.begin {
            let (begin, found) = (entry.begin, entry.end);
            return Err(format!("`{name}` should begin at byte {end} of the numbers, but the header places it at [{begin}, {found}]"));
        }
        end = entry.end;
        let Some(bytes) = numbers.get(entry.begin..entry.end) else {
            return Err(format!("`{name}` ends at byte {end} of the numbers, but the file has only {}", numbers.len()));
        };
        let Some(values) = Numbers::of(dtype, bytes) else {
            return Err(format!("`{name}` holds {dtype}; F32, F64, I32 and I64 can be read"));
        };
        let expected = shape.iter().try_fold(width(dtype), |product, size| product.checked_mul(*size));
        if expected != Some(bytes.len()) {
            return Err(format!("`{name}` has {} bytes, which is not what the shape {shape:?} of {dtype} takes", bytes.len()));
        }
        let tensor = Tensor { shape: entry.shape, numbers: values };
        if tensors.insert(entry.name.clone(), tensor).is_some() {
            return Err(format!("`{}` occurs twice", entry.name));
        }
    }
    if end != numbers.len() {
        return Err(format!("the file has {} bytes of numbers, but its tensors end at byte {end}", numbers.len()));
    }
    Ok(tensors)
}

/// A reader of exactly the JSON that a header is: two levels of objects, then strings and lists of whole numbers.
struct Json<'t> {
    text: &'t str,
    at: usize,
}

impl Json<'_> {
    fn header(mut self) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        self.object(|json, name| {
            if name == "__metadata__" {
                return json.object(|json, _| json.string().map(drop));
            }
            let (mut dtype, mut shape, mut offsets) = (None, None, None);
            json.object(|json, key| {
                let twice = match key.as_str() {
                    "dtype" => dtype.replace(json.string()?).is_some(),
                    "shape" => shape.replace(json.numbers()?).is_some(),
                    "data_offsets" => offsets.replace(json.numbers()?).is_some(),
                    _ => return Err(format!("`{name}` has the unknown property `{key}`")),
                };
                if twice { Err(format!("`{name}` has `{key}` twice")) } else { Ok(()) }
            })?;
            let (Some(dtype), Some(shape), Some(offsets)) = (dtype, shape, offsets) else {
                return Err(format!("`{name}` needs `dtype`, `shape` and `data_offsets`"));
            };
            let [begin, end] = offsets[..] else { return Err(format!("`{name}` needs two `data_offsets`")) };
            entries.push(Entry { name, dtype, shape, begin, end });
            Ok(())
        })?;
        if self.peek().is_some() {
            return Err(self.wrong("the end"));
        }
        Ok(entries)
    }

    fn wrong(&self, expected: &str) -> String {
        format!("the header is damaged: {expected} is expected at its byte {}", self.at)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, sign: u8) -> bool {
        let taken = self.peek() == Some(sign);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, sign: u8) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong(&format!("`{}`", char::from(sign)))) }
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, String) -> Result<(), String>) -> Result<(), String> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            member(self, name)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn numbers(&mut self) -> Result<Vec<usize>, String> {
        self.expect(b'[')?;
        let mut numbers = Vec::new();
        if self.take(b']') {
            return Ok(numbers);
        }
        loop {
            self.peek();
            let rest = &self.text[self.at..];
            let digits = &rest[..rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len())];
            numbers.push(digits.parse().map_err(|_| self.wrong("a whole number"))?);
            self.at += digits.len();
            if self.take(b']') {
                return Ok(numbers);
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect(b'"')?;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\']).ok_or_else(|| self.wrong("a closing quote"))?;
            string.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest.as_bytes()[plain] == b'"' {
                return Ok(string);
            }
            string.push(self.escape()?);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, String> {
        let letter = self.text[self.at..].chars().next().ok_or_else(|| self.wrong("a letter"))?;
        let escaped = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code(),
            _ => return Err(self.wrong("an escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `uXXXX`, or two of them for a letter beyond 16 bits.
    fn code(&mut self) -> Result<char, String> {
        let mut units = Vec::new();
        loop {
            let digits = self.text.get(self.at + 1..self.at + 5).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or_else(|| self.wrong("four digits"))?;
            self.at += 5;
            units.push(unit);
            match char::decode_utf16(units.iter().copied()).next() {
                Some(Ok(letter)) => return Ok(letter),
                _ if units.len() == 1 && self.text[self.at..].starts_with("\\u") => self.at += 1,
                _ => return Err(self.wrong("a letter")),
            }
        }
    }
}
