//! Where the rows come from: CSV and NDJSON files in a folder, or the ones that are part of the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::embedded;

/// A row: its cells by column. Cells of a CSV file are texts; those of NDJSON are what stands there.
pub(crate) type Row = Map<String, Json>;

/// A folder with data files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// A folder on the disk.
    Disk(PathBuf),
    /// A folder of `examples/` that is part of the program.
    Embedded(String),
}

impl Folder {
    /// The content of a file, or nothing when it is not there.
    pub(crate) fn read(&self, file: &str) -> Option<Vec<u8>> {
        match self {
            Self::Disk(path) => fs::read(path.join(file)).ok(),
            Self::Embedded(folder) => embedded::example(&format!("{folder}/{file}")),
        }
    }

    /// How the file is called in messages.
    pub(crate) fn name(&self, file: &str) -> String {
        match self {
            Self::Disk(path) => path.join(file).display().to_string(),
            Self::Embedded(folder) => Path::new("examples").join(folder).join(file).display().to_string(),
        }
    }
}

/// The rows of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Source {
    /// The file, as messages call it.
    pub(crate) file: String,
    /// The columns in their order.
    pub(crate) columns: Vec<String>,
    /// The rows in their order.
    pub(crate) rows: Vec<Row>,
    /// For a column, the rows that have each text in it; made by [`Source::index`].
    indexes: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

impl Source {
    /// Reads the source called `name` from a folder: `name.csv`, or else `name.ndjson`.
    ///
    /// # Errors
    /// When neither is there, or what is wrong in it, with its line.
    pub(crate) fn read(folder: &Folder, name: &str) -> Result<Self, String> {
        let csv = format!("{name}.csv");
        if let Some(bytes) = folder.read(&csv) {
            return Self::from_csv(&folder.name(&csv), &bytes);
        }
        let ndjson = format!("{name}.ndjson");
        match folder.read(&ndjson) {
            Some(bytes) => Self::from_ndjson(&folder.name(&ndjson), &bytes),
            None => Err(format!("there is neither `{}` nor `{ndjson}`", folder.name(&csv))),
        }
    }

    /// Reads CSV with a line of column names.
    ///
    /// # Errors
    /// What is wrong in it, with its line.
    pub(crate) fn from_csv(file: &str, bytes: &[u8]) -> Result<Self, String> {
        let broken = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            format!("{file}:{line}: {error}")
        };
        let mut reader = csv::Reader::from_reader(bytes);
        let columns: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            rows.push(columns.iter().cloned().zip(record.iter().map(Json::from)).collect());
        }
        Ok(Self { file: file.to_owned(), columns, rows, indexes: BTreeMap::new() })
    }

    /// Reads NDJSON: an object on each line.
    ///
    /// # Errors
    /// What is wrong in it, with its line.
    pub(crate) fn from_ndjson(file: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("{file}: {error}"))?;
        let mut source = Self { file: file.to_owned(), ..Self::default() };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row: Row = serde_json::from_str(line).map_err(|error| format!("{file}:{}: {error}", index + 1))?;
            for column in row.keys().filter(|column| !source.columns.contains(column)).cloned().collect::<Vec<_>>() {
                source.columns.push(column);
            }
            source.rows.push(row);
        }
        Ok(source)
    }

    /// Prepares [`Source::having`] for a column.
    pub(crate) fn index(&mut self, column: &str) {
        if self.indexes.contains_key(column) {
            return;
        }
        let mut index: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (position, row) in self.rows.iter().enumerate() {
            index.entry(row.get(column).map(text_of).unwrap_or_default()).or_default().push(position);
        }
        self.indexes.insert(column.to_owned(), index);
    }

    /// The places of the rows that have `text` in `column`, which was indexed before.
    pub(crate) fn having(&self, column: &str, text: &str) -> &[usize] {
        self.indexes.get(column).and_then(|index| index.get(text)).map_or(&[], Vec::as_slice)
    }
}

/// A cell as text: texts bare, nothing for `null`, the rest as JSON.
pub(crate) fn text_of(cell: &Json) -> String {
    match cell {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_read_and_looked_up() {
        let mut source = Source::from_csv("a.csv", b"K,Name\n1,\"Two, words\"\n2,x\n1,y\n").unwrap();
        assert_eq!(source.columns, ["K", "Name"]);
        assert_eq!(source.rows[0]["Name"], "Two, words");
        source.index("K");
        assert_eq!((source.having("K", "1"), source.having("K", "3")), ([0, 2].as_slice(), [].as_slice()));
    }

    #[test]
    fn ndjson_keeps_what_stands_there() {
        let source =
            Source::from_ndjson("a.ndjson", b"{\"k\":1,\"m\":{\"x\":\"y\"}}\n\n{\"k\":2,\"z\":null}\n").unwrap();
        assert_eq!(source.columns, ["k", "m", "z"]);
        assert_eq!(source.rows[0]["m"]["x"], "y");
        assert_eq!(text_of(&source.rows[1]["z"]), "");
    }

    #[test]
    fn broken_files_are_told_with_their_line() {
        let said = Source::from_csv("a.csv", b"K,Name\n1,x\n2\n").unwrap_err();
        assert!(said.starts_with("a.csv:3: "), "{said}");
        let said = Source::from_ndjson("a.ndjson", b"{}\n{\n").unwrap_err();
        assert!(said.starts_with("a.ndjson:2: "), "{said}");
        let said = Source::read(&Folder::Disk("nowhere".into()), "things").unwrap_err();
        assert_eq!(said, "there is neither `nowhere/things.csv` nor `things.ndjson`");
    }
}
