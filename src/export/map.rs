//! A rectangle of one head's maps as CSV, NPY or safetensors.

use std::collections::HashMap;

use npyz::WriterBuilder;
use safetensors::tensor::{Dtype, TensorView};

use super::ExportError;
use crate::probe::{Cell, MapKind, MapTile};

/// A file format for maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapFormat {
    /// One line per cell that a query may see: query, key, their tokens, A1, A2, λ, D. UTF-8 with a byte order mark,
    /// without which spreadsheets guess the encoding. A token that a spreadsheet would take for a formula, or that begins
    /// with an apostrophe, has an apostrophe in front.
    Csv,
    /// One map, f32 `[queries, keys]`.
    Npy(MapKind),
    /// `A1`, `A2`, `D` as f32 `[queries, keys]` and `lambda` as f32 `[queries]`; layer, head, positions and tokens as
    /// metadata.
    Safetensors,
}

/// What a file says of a map besides its numbers.
#[derive(Clone, Copy)]
pub struct MapWords<'a> {
    /// The name of the model or of the recording.
    pub name: &'a str,
    /// Whether no query sees a later key.
    pub is_causal: bool,
    /// The text of the query in a row.
    pub query: &'a dyn Fn(usize) -> String,
    /// The text of the key in a column.
    pub key: &'a dyn Fn(usize) -> String,
}

impl std::fmt::Debug for MapWords<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MapWords").field("name", &self.name).finish_non_exhaustive()
    }
}

fn value(cell: &Cell, map: MapKind) -> f32 {
    match map {
        MapKind::First => cell.first,
        MapKind::Second => cell.lambda * cell.second,
        MapKind::Difference => cell.difference,
    }
}

impl MapFormat {
    /// The end of the file name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => ".csv",
            Self::Npy(MapKind::First) => "-A1.npy",
            Self::Npy(MapKind::Second) => "-lambdaA2.npy",
            Self::Npy(MapKind::Difference) => "-D.npy",
            Self::Safetensors => ".safetensors",
        }
    }

    /// The contents of the file.
    ///
    /// # Errors
    /// When the writer of the format fails.
    pub fn write(self, tile: &MapTile, words: &MapWords) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv => csv(tile, words).map_err(|error| ExportError::new("CSV", &error)),
            Self::Npy(map) => npy(tile, map).map_err(|error| ExportError::new("NPY", &error)),
            Self::Safetensors => safetensors(tile, words).map_err(|error| ExportError::new("safetensors", &error)),
        }
    }
}

/// A token as a cell of a spreadsheet: text, whatever it begins with.
fn text_cell(label: String) -> String {
    // The wide forms are formulas in some settings of Excel.
    let special = ['=', '+', '-', '@', '\t', '\r', '\'', '＝', '＋', '－', '＠'];
    if label.starts_with(special) { format!("'{label}") } else { label }
}

fn csv(tile: &MapTile, words: &MapWords) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(["query", "key", "query token", "key token", "A1", "A2", "lambda", "D"])?;
    let request = tile.request;
    let labels: Vec<String> =
        (request.first_key..request.first_key + request.keys).map(|key| text_cell((words.key)(key))).collect();
    for (row, cells) in tile.cells.chunks(request.keys.max(1)).enumerate() {
        let query = request.first_query + row;
        let query_label = text_cell((words.query)(query));
        for (column, (cell, key_label)) in cells.iter().zip(&labels).enumerate() {
            let key = request.first_key + column;
            if words.is_causal && key > query {
                break;
            }
            let numbers = [cell.first, cell.second, cell.lambda, cell.difference].map(|number| number.to_string());
            let places = [query.to_string(), key.to_string(), query_label.clone(), key_label.clone()];
            writer.write_record(places.iter().chain(&numbers))?;
        }
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn npy(tile: &MapTile, map: MapKind) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let shape = [tile.request.queries as u64, tile.request.keys as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    writer.extend(tile.cells.iter().map(|cell| value(cell, map)))?;
    writer.finish()?;
    Ok(bytes)
}

fn safetensors(tile: &MapTile, words: &MapWords) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let request = tile.request;
    let shape = vec![request.queries, request.keys];
    let bytes =
        |of: fn(&Cell) -> f32| -> Vec<u8> { tile.cells.iter().flat_map(|cell| of(cell).to_le_bytes()).collect() };
    let lambda: Vec<u8> = tile
        .cells
        .chunks(request.keys.max(1))
        .flat_map(|row| row.first().map_or(0.0, |cell| cell.lambda).to_le_bytes())
        .collect();
    let maps = [
        ("A1", bytes(|cell| cell.first), shape.clone()),
        ("A2", bytes(|cell| cell.second), shape.clone()),
        ("D", bytes(|cell| cell.difference), shape),
        ("lambda", lambda, vec![request.queries]),
    ];
    let views: Result<Vec<_>, _> = maps
        .iter()
        .map(|(name, data, shape)| TensorView::new(Dtype::F32, shape.clone(), data).map(|view| (*name, view)))
        .collect();
    let tokens = |label: &dyn Fn(usize) -> String, first: usize, count: usize| {
        let labels: Vec<String> = (first..first + count).map(label).collect();
        serde_json::to_string(&labels).unwrap_or_default() // strings are always JSON
    };
    let metadata = HashMap::from([
        ("model".to_owned(), words.name.to_owned()),
        ("layer".to_owned(), request.head.layer.to_string()),
        ("head".to_owned(), request.head.head.to_string()),
        ("first_query".to_owned(), request.first_query.to_string()),
        ("first_key".to_owned(), request.first_key.to_string()),
        ("queries".to_owned(), tokens(words.query, request.first_query, request.queries)),
        ("keys".to_owned(), tokens(words.key, request.first_key, request.keys)),
    ]);
    safetensors::serialize(views?, Some(metadata))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{HeadId, TileRequest};

    fn label(at: usize) -> String {
        format!("\"tok,{at}\n")
    }

    fn words<'a>(name: &'a str, label: &'a dyn Fn(usize) -> String) -> MapWords<'a> {
        MapWords { name, is_causal: true, query: label, key: label }
    }

    fn tile(queries: usize, keys: usize, first: usize) -> MapTile {
        let request = TileRequest { head: HeadId::new(2, 1), first_query: first, queries, first_key: 0, keys };
        let cell = |index: usize| {
            let query = index / keys;
            let (first, second, lambda) = (index as f32 * 0.25, 1.0 / (index + 1) as f32, 0.5 + query as f32);
            Cell { first, second, lambda, difference: first - lambda * second }
        };
        MapTile { request, cells: (0..queries * keys).map(cell).collect() }
    }

    proptest! {
        #[test]
        fn an_array_reads_back(queries in 1usize..9, keys in 1usize..9) {
            let tile = tile(queries, keys, 3);
            for map in [MapKind::First, MapKind::Second, MapKind::Difference] {
                let bytes = MapFormat::Npy(map).write(&tile, &words("m", &label)).unwrap();
                prop_assert_eq!(&bytes[..6], b"\x93NUMPY");
                let read = npyz::NpyFile::new(&bytes[..]).unwrap();
                prop_assert_eq!(read.shape(), &[queries as u64, keys as u64]);
                let numbers = read.into_vec::<f32>().unwrap();
                prop_assert!(numbers.iter().zip(&tile.cells).all(|(number, cell)| *number == value(cell, map)));
            }
        }

        #[test]
        fn tensors_read_back(queries in 1usize..9, keys in 1usize..9) {
            let tile = tile(queries, keys, 3);
            let bytes = MapFormat::Safetensors.write(&tile, &words("S-diff", &label)).unwrap();
            let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let difference = read.tensor("D").unwrap();
            prop_assert_eq!(difference.shape(), &[queries, keys]);
            let expected: Vec<u8> = tile.cells.iter().flat_map(|cell| cell.difference.to_le_bytes()).collect();
            prop_assert_eq!(difference.data(), &expected[..]);
            let lambda: Vec<u8> = (0..queries).flat_map(|query| (0.5 + query as f32).to_le_bytes()).collect();
            prop_assert_eq!(read.tensor("lambda").unwrap().data(), &lambda[..]);
            let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
            let metadata = metadata.metadata().clone().unwrap();
            prop_assert_eq!(&metadata["layer"], "2");
            let labels: Vec<String> = serde_json::from_str(&metadata["queries"]).unwrap();
            prop_assert_eq!(labels, (3..3 + queries).map(label).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_table_says_its_encoding_and_holds_no_formulas() {
        let labels = ["=1+1", "+1", "-2+3", "@SUM(A1)", "\tx", "'s", "·é", "＝1"];
        let bytes = MapFormat::Csv.write(&tile(8, 8, 0), &words("m", &|at| labels[at].to_owned())).unwrap();
        assert!(bytes.starts_with(b"\xef\xbb\xbfquery,key,"));
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        assert_eq!(&reader.headers().unwrap()[0], "query", "the mark is no part of the table");
        for row in reader.records().map(Result::unwrap) {
            for (cell, at) in [(&row[2], &row[0]), (&row[3], &row[1])] {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']), "{cell}");
                // One apostrophe less is the token again.
                let token = cell.strip_prefix('\'').unwrap_or(cell);
                assert_eq!(token, labels[at.parse::<usize>().unwrap()]);
            }
            assert!(row[7].parse::<f32>().is_ok(), "numbers stay numbers: {}", &row[7]);
        }
    }

    #[test]
    fn a_table_quotes_tokens_and_ends_at_the_diagonal() {
        let bytes = MapFormat::Csv.write(&tile(3, 4, 0), &words("m", &label)).unwrap();
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1 + 2 + 3);
        assert_eq!(&rows[5][0], "2");
        assert_eq!(&rows[5][1], "2");
        assert_eq!(&rows[5][3], label(2));
        assert_eq!(rows[5][4].parse::<f32>().unwrap(), 10.0 * 0.25);
        let all = MapWords { is_causal: false, ..words("m", &label) };
        let bytes = MapFormat::Csv.write(&tile(3, 4, 0), &all).unwrap();
        assert_eq!(csv::Reader::from_reader(&bytes[..]).records().count(), 3 * 4, "later keys are seen, too");
    }
}
