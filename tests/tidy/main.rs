//! The architecture, checked: which way imports point, what each part may name, and small manners.
//!
//! It reads the sources as text. Comments and inline tests are left out where a check is about code. Every
//! test lists all that is wrong, a line each: `path:line: what`.

#![cfg(test)]

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Source, lines_with, words};

/// The parts of `src/`, from the innermost out: each may use itself and those before it.
const PARTS: [&str; 19] = [
    "model",
    "clock",
    "sync",
    "diagnostic",
    "field",
    "calendar",
    "rule",
    "message",
    "action",
    "workflow",
    "engine",
    "store",
    "library",
    "runtime",
    "scenario",
    "http",
    "config",
    "app",
    "cli",
];

/// Two parts that are one thought: an action holds values given in a workflow, a transition holds actions.
const MUTUAL: [(&str, &str); 1] = [("action", "workflow")];

/// The core: pure, synchronous, without I/O.
const CORE: [&str; 9] = ["model", "diagnostic", "field", "calendar", "rule", "message", "action", "workflow", "engine"];

/// Crates that the core never names: they wait, talk or store.
const CORE_CRATES_NEVER: [&str; 4] = ["tokio", "axum", "sled", "notify"];

/// Types that the core never names: they tell the time, or have no order of their own.
const CORE_TYPES_NEVER: [&str; 3] = ["SystemTime", "Instant", "HashMap"];

/// Modules, of `std` and our own, that the core never names.
const CORE_MODULES_NEVER: [&str; 5] = ["fs", "net", "env", "thread", "clock"];

/// Crates that only one part may name.
const OWNERS: [(&str, &[&str]); 14] = [
    ("sled", &["src/store/sled"]),
    ("notify", &["src/library/watch"]),
    ("rhai", &["src/rule"]),
    ("serde_yaml", &["src/workflow", "src/config", "src/cli/demo", "src/cli/bench", "src/cli/test"]),
    ("axum", &["src/http"]),
    ("utoipa", &["src/http"]),
    ("clap", &["src/cli", "src/config"]),
    ("ureq", &["src/cli/client"]),
    ("indicatif", &["src/cli/terminal"]),
    ("shuttle", &["src/sync"]),
    ("rust_xlsxwriter", &["src/http/views/xlsx"]),
    ("minijinja", &["src/message"]),
    ("lettre", &["src/runtime/dispatch/email"]),
    ("tokio_rustls", &["src/runtime/dispatch/webhook"]),
];

/// Lines that a file may have without its inline tests.
const FILE_LINES_MAX: usize = 500;

/// Words of a trade: they belong into `workflows/` and `rules/`. (`order` alone is the order of things.)
const TRADE: [&str; 23] = [
    "orders",
    "sales",
    "purchase",
    "customer",
    "customers",
    "invoice",
    "invoices",
    "stock",
    "price",
    "prices",
    "pricing",
    "warehouse",
    "supplier",
    "suppliers",
    "shipment",
    "shipments",
    "quotation",
    "discount",
    "订单",
    "客户",
    "库存",
    "价格",
    "发货",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files under `folder` that end in one of `endings`, by path.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

fn sources() -> Vec<Source> {
    let is_test = |path: &Path| path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    let paths: Vec<PathBuf> = files(&root().join("src"), &[".rs"])
        .into_iter()
        .filter(|path| !is_test(path.strip_prefix(root()).unwrap()))
        .collect();
    assert!(paths.len() > 10, "the sources were not found");
    paths.iter().map(|path| Source::new(&relative(path), &fs::read_to_string(path).unwrap())).collect()
}

fn is_under(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'))
}

fn wrong_imports(source: &Source) -> Vec<String> {
    let place = |part: &str| PARTS.iter().position(|known| *known == part);
    let part = source.part();
    if matches!(part, "lib" | "main") {
        return Vec::new();
    }
    let Some(own) = place(part) else {
        return vec![format!("{}:1: `{part}` has no place among PARTS in tests/tidy.rs", source.path)];
    };
    let allowed = |name: &str| {
        place(name).is_none_or(|other| other <= own) || MUTUAL.contains(&(part, name)) || MUTUAL.contains(&(name, part))
    };
    let wrong = source.named_under("crate").into_iter().filter(|(_, name)| !allowed(name));
    wrong.map(|(line, name)| format!("{}:{line}: `{part}` must not know `{name}`", source.path)).collect()
}

fn wrong_names(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    if CORE.contains(&source.part()) {
        let crates = CORE_CRATES_NEVER
            .iter()
            .flat_map(|name| source.lines_with_crate(name).into_iter().map(move |line| (line, *name)));
        let types =
            CORE_TYPES_NEVER.iter().flat_map(|name| source.lines_with(name).into_iter().map(move |line| (line, *name)));
        for (line, name) in crates.chain(types) {
            wrong.push(format!("{}:{line}: the core must not name `{name}`", source.path));
        }
        let modules = source.named_under("std").into_iter().chain(source.named_under("crate"));
        for (line, name) in modules.filter(|(_, name)| CORE_MODULES_NEVER.contains(&name.as_str())) {
            wrong.push(format!("{}:{line}: the core must not name `{name}`", source.path));
        }
    }
    for (name, owners) in OWNERS {
        if !owners.iter().any(|owner| is_under(&source.path, owner)) {
            let lines = source.lines_with_crate(name).into_iter();
            wrong.extend(lines.map(|line| format!("{}:{line}: only {owners:?} may name `{name}`", source.path)));
        }
    }
    wrong
}

fn trade_words(source: &Source) -> Vec<String> {
    if is_under(&source.path, "src/cli/demo") {
        return Vec::new();
    }
    let of_a_trade = |text: &str| {
        // 客户端 is the client of a server.
        let text = &text.replace("客户端", "");
        let words = words(text);
        let ideographs = |word: &&str| !word.is_ascii() && text.contains(*word);
        TRADE.iter().find(|word| words.iter().any(|known| known == **word) || ideographs(word)).copied()
    };
    let code = source.code.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned()));
    let strings = source.strings.iter().cloned();
    let found = code.chain(strings).filter_map(|(line, text)| Some((line, of_a_trade(&text)?)));
    found.map(|(line, word)| format!("{}:{line}: `{word}` is a word of a trade", source.path)).collect()
}

fn long_file(source: &Source) -> Vec<String> {
    let lines = source.code.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![format!("{}:1: {lines} lines without its tests, more than {FILE_LINES_MAX}", source.path)]
}

fn unfinished(path: &str, text: &str) -> Vec<String> {
    // Put together, so that this file does not find itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|parts| parts.concat());
    let lines = text.lines().enumerate();
    let marked = lines.filter(|(_, line)| marks.iter().any(|mark| !lines_with(line, mark, |_| true).is_empty()));
    marked.map(|(index, _)| format!("{path}:{}: unfinished", index + 1)).collect()
}

/// The dependencies of `manifest` that no comment above them explains.
fn unexplained(manifest: &str) -> Vec<String> {
    let lines: Vec<&str> = manifest.lines().collect();
    let mut inside = false;
    let mut wrong = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside && !line.trim().is_empty() && !line.starts_with('#') {
            let above = index.checked_sub(1).map_or("", |above| lines[above]);
            if !above.starts_with("# ") {
                wrong.push(format!("Cargo.toml:{}: say above why it is here: {line}", index + 1));
            }
        }
    }
    wrong
}

/// The links of a Markdown page that lead to a file of the project which is not there.
fn broken_links(page: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || file.is_empty();
            if !outside && !page.parent().unwrap().join(file).exists() {
                wrong.push(format!("{}:{}: there is no `{file}`", relative(page), index + 1));
            }
        }
    }
    wrong
}

#[track_caller]
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn imports_point_one_way() {
    assert_none(&sources().iter().flat_map(wrong_imports).collect::<Vec<_>>());
}

#[test]
fn each_part_names_only_what_it_may() {
    assert_none(&sources().iter().flat_map(wrong_names).collect::<Vec<_>>());
}

#[test]
fn no_word_of_a_trade_stands_in_the_code() {
    assert_none(&sources().iter().flat_map(trade_words).collect::<Vec<_>>());
}

#[test]
fn a_file_holds_one_concept() {
    assert_none(&sources().iter().flat_map(long_file).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_unfinished() {
    let endings = [".rs", ".rhai", ".yaml", ".toml", ".md"];
    let folders = ["src", "tests", "workflows", "rules", "examples", "docs"].map(|folder| root().join(folder));
    let paths = folders.iter().flat_map(|folder| files(folder, &endings));
    assert_none(
        &paths
            .flat_map(|path| unfinished(&relative(&path), &String::from_utf8_lossy(&fs::read(&path).unwrap())))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_dependency_says_why_it_is_here() {
    assert_none(&unexplained(&fs::read_to_string(root().join("Cargo.toml")).unwrap()));
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let pages = ["README.md", "CHANGELOG.md"].map(|page| root().join(page));
    let pages = pages.into_iter().chain(files(&root().join("docs"), &[".md"]));
    assert_none(&pages.flat_map(|page| broken_links(&page, &fs::read_to_string(&page).unwrap())).collect::<Vec<_>>());
}

#[test]
fn test_files_are_tests_alone() {
    let mut wrong = Vec::new();
    for path in fs::read_dir(root().join("tests")).unwrap().map(|entry| entry.unwrap().path()) {
        let path = if path.is_dir() { path.join("main.rs") } else { path };
        let is_rust = path.extension().is_some_and(|ending| ending == "rs") && path.exists();
        if is_rust && !fs::read_to_string(&path).unwrap().contains("#![cfg(test)]") {
            wrong.push(format!("{}:1: begin with `#![cfg(test)]`", relative(&path)));
        }
    }
    assert_none(&wrong);
}

/// Codes of diagnostics as they stand in strings: `E101`, `W201`.
fn unexplained_codes(source: &Source) -> Vec<String> {
    let code = |text: &str| {
        let digits = text.strip_prefix(['E', 'W']).unwrap_or_default();
        digits.len() == 3 && digits.chars().all(|digit| digit.is_ascii_digit())
    };
    let unknown = source.strings.iter().filter(|(_, text)| code(text) && gendan::diagnostic::explain(text).is_none());
    unknown.map(|(line, text)| format!("{}:{line}: nothing explains the code `{text}`", source.path)).collect()
}

#[test]
fn every_code_of_a_diagnostic_is_explained() {
    assert_none(&sources().iter().flat_map(unexplained_codes).collect::<Vec<_>>());
    let planted = Source::new("src/x.rs", "f(\"E998\", \"E101\", \"EXIT\");");
    assert_eq!(unexplained_codes(&planted), ["src/x.rs:1: nothing explains the code `E998`"]);
}

/// The checks themselves: each row is a file that breaks a rule, and what is said about it.
#[test]
fn the_checks_see_what_they_look_for() {
    let rows: [(&str, &str, &[&str]); 12] = [
        ("src/model/case.rs", "use crate::field::Kind;", &["src/model/case.rs:1: `model` must not know `field`"]),
        (
            "src/field.rs",
            "use crate::{\n  model::{Name, Title}, engine};",
            &["src/field.rs:1: `field` must not know `engine`"],
        ),
        ("src/action/set.rs", "use crate::workflow::Given;", &[]),
        ("src/new.rs", "", &["src/new.rs:1: `new` has no place among PARTS in tests/tidy.rs"]),
        (
            "src/engine.rs",
            "// tokio\n/* a /* HashMap */ b */ use std::collections::HashMap;",
            &["src/engine.rs:2: the core must not name `HashMap`"],
        ),
        (
            "src/app.rs",
            "use crate::store::sled::Sled;\nuse sled::Db;",
            &["src/app.rs:2: only [\"src/store/sled\"] may name `sled`"],
        ),
        ("src/store/sled/read.rs", "use sled::Db;", &[]),
        ("src/http/list.rs", "let x = \"sales_order\";", &["src/http/list.rs:1: `sales` is a word of a trade"]),
        (
            "src/http/list.rs",
            "let (a, b) = (\"in the order of keys\", r#\"a \"quote\" \"#); let order: Sales;",
            &["src/http/list.rs:1: `sales` is a word of a trade"],
        ),
        (
            "src/http/list.rs",
            "fn f<'a>(x: &'a str) { x == '\\'' || x == '\"' } // sales\nconst X: &str = \"查询客户\";",
            &["src/http/list.rs:2: `客户` is a word of a trade"],
        ),
        ("src/http/list.rs", "fn f() {}\n#[cfg(test)]\nmod tests { let sales = 1; }", &[]),
        ("src/cli/demo/data.rs", "let sales = 1;", &[]),
    ];
    for (path, text, expected) in rows {
        let source = Source::new(path, text);
        let checks = [wrong_imports, wrong_names, trade_words, long_file];
        let found: Vec<String> = checks.iter().flat_map(|check| check(&source)).collect();
        assert_eq!(found, expected, "{path}: {text}\n{}", source.code);
    }
    assert_eq!(long_file(&Source::new("src/cli/x.rs", &"a;\n".repeat(501))).len(), 1);
    assert_eq!(unfinished("x", &["a // TO", "DO b"].concat()), ["x:1: unfinished"]);
    assert_eq!(unexplained("[dependencies]\n# why\na = 1\nb = 2\n[lints]\nc = 3").len(), 1);
    assert_eq!(
        broken_links(&root().join("x.md"), "[a](Cargo.toml#x) [b](https://c) [d](gone.md)"),
        ["x.md:1: there is no `gone.md`"]
    );
}
