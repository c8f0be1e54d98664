//! Every broken definition beside the exact text that it must produce.
//!
//! A folder of `tests/diagnostics/` is a definition set and `expected.txt`. `GENDAN_BLESS=1 cargo test --test
//! diagnostics` writes what is produced now; read the difference before you keep it.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gendan::diagnostic::{CODES, render};
use gendan::model::Name;
use gendan::model::limit::{FILE_BYTES_MAX, FILES_MAX};
use gendan::workflow::{Files, compile};

/// Codes that no small folder can produce; they have tests of their own below.
const BIG: &[&str] = &["E002", "E013", "E014", "E130"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    cases
}

fn load(root: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path != root.join("expected.txt") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(Name::from(name), Arc::from(fs::read(&path).unwrap()));
        }
    }
    files
}

fn one(path: &str, text: impl AsRef<[u8]>) -> Files {
    Files::from([(Name::from(path), Arc::from(text.as_ref()))])
}

fn codes(files: &Files) -> Vec<String> {
    compile(files).diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect()
}

#[test]
fn every_case_says_exactly_what_it_must() {
    let bless = std::env::vars().any(|(name, value)| name == "GENDAN_BLESS" && value == "1");
    let mut wrong = Vec::new();
    for case in cases() {
        let files = load(&case);
        let said = render(&compile(&files).diagnostics, &files, false);
        let beside = case.join("expected.txt");
        if bless {
            fs::write(&beside, &said).unwrap();
        } else if fs::read_to_string(&beside).unwrap_or_default() != said {
            wrong.push(format!("== {}\n{said}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_has_a_case_and_every_case_a_known_code() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let compiled = compile(&load(&case));
        assert_eq!(compiled.definition.is_some(), codes(&load(&case)).iter().all(|code| code.starts_with('W')));
        seen.extend(compiled.diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()));
    }
    for (code, _) in CODES.iter().filter(|(code, _)| !BIG.contains(code)) {
        assert!(seen.contains(*code), "no case produces {code}");
    }
    let own = |code: &&String| code.starts_with("E0") || code.starts_with("E1") || code.starts_with('W');
    for code in seen.iter().filter(own) {
        assert!(CODES.iter().any(|(known, _)| known == code), "{code} is not listed");
    }
}

#[test]
fn a_whole_good_set_has_nothing_to_say() {
    let files = load(&folder().join("good"));
    let compiled = compile(&files);
    assert_eq!(render(&compiled.diagnostics, &files, false), "no errors\n");
    assert!(compiled.definition.is_some());
}

#[test]
fn a_bomb_is_refused_and_costs_little() {
    let laughs = (0..9).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        format!("{text}a{next}: &a{next} [{aliases}]\n", next = level + 1, aliases = format!("*a{level}, ").repeat(9))
    });
    let keys: String = (0..50_000).map(|key| format!("k{key}: 1\n")).collect();
    let columns: String = (0..300).map(|key| format!("  f{key}: {{ type: text }}\n")).collect();
    for (text, code) in [
        ("[".repeat(200_000), "E004"),
        ("{a: ".repeat(100_000), "E004"),
        ("- ".repeat(200_000), "E004"),
        ("? ".repeat(100_000), "E004"),
        ("a: ".repeat(100_000), "E003"),
        (laughs, "E006"),
        ("x".repeat(FILE_BYTES_MAX + 1), "E002"),
        ("- &a x\n".repeat(50_000), "E013"),
        (keys, "E020"),
        ("\"".repeat(100_001), "E003"),
        ("!a ".repeat(50_000), "E003"),
        (format!("workflow: a\nfields:\n{columns}"), "E130"),
    ] {
        let files = one("workflows/a.yaml", &text);
        let start: String = text.chars().take(20).collect();
        assert!(codes(&files).contains(&code.to_owned()), "{start}: {:?}", codes(&files).first());
    }
    let many = (0..=FILES_MAX).map(|index| (Name::from(format!("rules/r{index}.rhai")), Arc::from(*b"")));
    assert_eq!(codes(&many.collect()), ["E014"]);
}

#[test]
fn a_broken_file_hides_nothing_in_the_others() {
    let mut files = one("workflows/a.yaml", "workflow: [");
    files.extend(one(
        "workflows/b.yaml",
        "workflow: b\nopen: { by: nobody, to: x }\nstages: { y: { final: success } }\n",
    ));
    files.extend(one("workflows/roles.yaml", "roles: { Boss: chief }\n"));
    files.extend(one("workflows/tables.yaml", "tables: { t: { columns: {} } }\n"));
    files.extend(one("workflows/calendars/c.yaml", "calendar: c\ntime_zone: Asia/Shanghia\n"));
    files.extend(one("rules/r.messages.yaml", "a: 1\na: 2\n"));
    let compiled = compile(&files);
    let named: BTreeSet<&str> = compiled.diagnostics.iter().map(|diagnostic| &*diagnostic.place.file).collect();
    assert_eq!(named, files.keys().map(|path| &**path).collect());
}

/// Cuts and scrambles a good set in many ways: whatever comes out, it is an answer and not a panic.
#[test]
fn no_damage_panics() {
    let good = load(&folder().join("good"));
    for (path, bytes) in &good {
        for step in 1..40 {
            let cut = bytes.len() * step / 40;
            let mut files = good.clone();
            let mut damaged = bytes[..cut].to_vec();
            damaged.extend(bytes.iter().skip(cut + step).map(|byte| if *byte == b':' { b'-' } else { *byte }));
            files.insert(Name::clone(path), Arc::from(damaged));
            let compiled = compile(&files);
            let shown = render(&compiled.diagnostics, &files, true);
            assert!(compiled.definition.is_some() || shown.contains("error"), "{path} cut at {cut}");
        }
    }
}
