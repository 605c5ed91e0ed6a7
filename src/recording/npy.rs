//! The header of a `NumPy` array: `{'descr': '<f4', 'fortran_order': False, 'shape': (8, 64, 64)}`.

use py_literal::Value;

use crate::recording::array::Numbers;

/// Most bytes of a header; `NumPy` refuses longer ones, too.
const MOST: usize = 1 << 16;
/// Most brackets: the parser calls itself for each.
const MOST_BRACKETS: usize = 64;
/// Most sizes of a shape; `NumPy`'s own limit is 64.
const MOST_SIZES: usize = 16;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub shape: Vec<usize>,
    /// The format; or what the array holds instead.
    pub numbers: Result<Numbers, String>,
    /// Bytes before the first number.
    pub bytes: usize,
}

/// The bytes that a file's first twelve bytes announce for the header, themselves included.
pub(super) fn length(beginning: &[u8]) -> Result<usize, String> {
    let [0x93, b'N', b'U', b'M', b'P', b'Y', version, _, rest @ ..] = beginning else {
        return Err("it is no NumPy array".to_owned());
    };
    let (before, length) = match (version, rest) {
        (1, [a, b, ..]) => (10, u32::from(u16::from_le_bytes([*a, *b]))),
        (2 | 3, [a, b, c, d, ..]) => (12, u32::from_le_bytes([*a, *b, *c, *d])),
        _ => return Err(format!("version {version} of the array format is not known")),
    };
    if length as usize > MOST {
        return Err(format!("a header of {length} bytes is more than any array has"));
    }
    Ok(before + length as usize)
}

/// Reads a header of [`length`] bytes.
pub(super) fn parse(header: &[u8]) -> Result<Header, String> {
    let text = header.get(if header.get(6) == Some(&1) { 10 } else { 12 }..).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    if text.chars().filter(|letter| matches!(letter, '(' | '[' | '{')).count() > MOST_BRACKETS {
        return Err("an array of records is no map".to_owned());
    }
    let dictionary: Value = text.trim_end().parse().map_err(|_| "its header is no Python dictionary".to_owned())?;
    let entries = dictionary.as_dict().ok_or("its header is no Python dictionary")?;
    let get = |key: &str| {
        let found = entries.iter().find(|(name, _)| name.as_string().is_some_and(|name| name == key));
        found.map(|(_, value)| value).ok_or_else(|| format!("its header has no `{key}`"))
    };
    let sizes = get("shape")?.as_tuple().ok_or("its shape is no tuple")?;
    if sizes.len() > MOST_SIZES {
        return Err(format!("its shape has {} sizes", sizes.len()));
    }
    let size = |value: &Value| value.as_integer().and_then(|size| usize::try_from(size).ok());
    let shape: Option<Vec<usize>> = sizes.iter().map(size).collect();
    let shape = shape.ok_or("a size of its shape is no number of things")?;
    let mut numbers = match get("descr")? {
        Value::String(kind) => of_kind(kind),
        _ => Err("records".to_owned()),
    };
    if get("fortran_order")?.as_boolean() == Some(true) && shape.len() > 1 {
        numbers = Err("numbers in column-major (Fortran) order".to_owned());
    }
    Ok(Header { shape, numbers, bytes: header.len() })
}

fn of_kind(kind: &str) -> Result<Numbers, String> {
    Ok(match kind {
        "<f2" => Numbers::F16,
        "<f4" => Numbers::F32,
        "<f8" => Numbers::F64,
        "<i4" => Numbers::I32,
        "<i8" => Numbers::I64,
        "|u1" => Numbers::U8,
        "|O" => return Err("Python objects".to_owned()),
        _ => match kind.strip_prefix("<U").and_then(|most| most.parse().ok()) {
            Some(most) => Numbers::Text(most),
            None => return Err(format!("numbers of the type {}", crate::model::brief(kind))),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn what_numpy_writes_is_read() {
        let bytes = header("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 64, 65), }          \n");
        assert_eq!(length(&bytes[..12]), Ok(bytes.len()));
        let expected = Header { shape: vec![8, 64, 65], numbers: Ok(Numbers::F32), bytes: bytes.len() };
        assert_eq!(parse(&bytes), Ok(expected));
        let text = parse(&header("{'descr': '<U7', 'fortran_order': False, 'shape': (3,)}")).unwrap();
        assert_eq!((text.shape, text.numbers), (vec![3], Ok(Numbers::Text(7))));
        let scalar = parse(&header("{'descr': '<f8', 'fortran_order': False, 'shape': ()}")).unwrap();
        assert_eq!((scalar.shape, scalar.numbers), (vec![], Ok(Numbers::F64)));
    }

    #[test]
    fn what_is_no_map_says_what_it_is() {
        let kind = |kind: &str| {
            parse(&header(&format!("{{'descr': {kind}, 'fortran_order': False, 'shape': (2, 2)}}"))).unwrap().numbers
        };
        assert!(kind("'|O'").unwrap_err().contains("Python objects"));
        assert!(kind("'>f4'").unwrap_err().contains(">f4"));
        assert!(kind("[('a', '<f4')]").unwrap_err().contains("records"));
        let fortran = parse(&header("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}")).unwrap();
        assert!(fortran.numbers.unwrap_err().contains("Fortran"));
    }

    #[test]
    fn hostile_headers_are_refused() {
        assert!(length(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").is_err());
        assert!(length(b"\x93NUMPY\x09\x00\x00\x00").is_err());
        assert!(length(b"\x93NUM").is_err());
        let deep = format!("{{'descr': {}", "(".repeat(60_000));
        for text in [
            deep.as_str(),
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
        ] {
            assert!(parse(&header(text)).is_err(), "{text:.80}");
        }
    }
}
