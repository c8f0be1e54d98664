//! Every broken definition beside the exact text that it must produce.
//!
//! A folder of `tests/diagnostics/` is a definition set and `expected.txt`. `GENDAN_BLESS=1 cargo test --test
//! diagnostics` writes what is produced now; read the difference before you keep it.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gendan::action::Action;
use gendan::diagnostic::{CODES, render};
use gendan::model::limit::{FILE_BYTES_MAX, FILE_DIAGNOSTICS_MAX, FILES_MAX};
use gendan::model::{Language, Name};
use gendan::workflow::{Check, Checked, Definition, Files, Given, Target, Transition, Workflow, compile};

/// Codes that no small folder can produce: they have tests of their own below, or where the staff is looked at.
const BIG: &[&str] = &["E002", "E013", "E014", "E130", "E171", "W120"];

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
    // Those of scripts and of loading have their cases where they are raised.
    let elsewhere = |code: &str| ["E2", "W2", "E9"].iter().any(|family| code.starts_with(family));
    for (code, _) in CODES.iter().filter(|(code, _)| !BIG.contains(code) && !elsewhere(code)) {
        assert!(seen.contains(*code), "no case produces {code}");
    }
    for code in &seen {
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

/// A value that was given, as a person would write it.
fn given(given: &Given) -> String {
    match given {
        Given::Value(value) => value.to_json().to_string(),
        Given::Expression(expression) => format!("={}", expression.text),
        Given::Today(time) => format!("{time} today"),
        Given::Nothing => "nothing".to_owned(),
    }
}

fn action(action: &Action) -> String {
    let all = |values: &[(Name, Given)]| {
        values.iter().map(|(name, value)| format!("{name}: {}", given(value))).collect::<Vec<_>>().join(", ")
    };
    match action {
        Action::Set(values) => format!("set({})", all(values)),
        Action::Run { rule, with } => format!("run {}({})", rule.name, all(with)),
        Action::Comment(text) => format!("comment({})", given(text)),
        Action::Open(open) => format!("open {} as {}({})", open.workflow, open.role, all(&open.with)),
        Action::Signal(signal) => format!("signal {:?} {}({})", signal.to, signal.take, all(&signal.with)),
        Action::Hold(hold) => format!("{}({:?}) up to {}", hold.verb.word(), hold.parts, hold.up_to_available),
        Action::Escalate(role) => format!("escalate({role})"),
        Action::Notify(notify) => format!("notify {} {}", notify.message.name, all(&notify.with)),
        Action::Issue(document) => format!("issue {document}"),
    }
}

fn check(check: &Check) -> String {
    let what = match &check.checked {
        Checked::Rule { rule, with } => {
            let with: Vec<String> = with.iter().map(|(name, value)| format!("{name}: {}", given(value))).collect();
            format!("{}({})", rule.name, with.join(", "))
        }
        Checked::Need { condition, say, code } => format!("{code} {} / {}", condition.text, say.text(Language::En)),
    };
    format!("{:?} refuse={} {what}", check.mode, check.refuse_on_error)
}

fn transition(transition: &Transition) -> String {
    let mut out = format!("{} from {:?} by {:?}", transition.name, transition.from, transition.by);
    let mut say = |what: String| out.push_str(&format!("\n    {what}"));
    if let Some(when) = &transition.when {
        say(format!("when {}", when.text));
    }
    if !transition.not_by.is_empty() || transition.auto {
        say(format!("not by {:?}, auto {}", transition.not_by, transition.auto));
    }
    for ask in &transition.ask {
        say(format!("ask {}{}", ask.field, if ask.must { "!" } else { "" }));
    }
    transition.checks.iter().for_each(|one| say(check(one)));
    match &transition.to {
        Target::Stay => say("stay".to_owned()),
        Target::Branches(branches) => branches.iter().for_each(|branch| {
            let when = branch.when.as_ref().map(|when| &*when.text);
            say(format!(
                "to {} when {when:?} {:?}",
                branch.stage,
                branch.actions.iter().map(action).collect::<Vec<_>>()
            ));
        }),
    }
    transition.actions.iter().for_each(|one| say(action(one)));
    out
}

/// What a definition set means, a line for each thing.
fn meaning(definition: &Definition, workflow: &Workflow) -> String {
    let mut out = vec![
        format!("roles {:?}, tables {:?}", definition.roles.keys(), definition.tables.keys()),
        format!("rules {:?}", definition.rules.keys()),
        format!("{} in {}: {}", workflow.title.text(Language::Zh), workflow.zone, workflow.settings.to_json()),
        format!("number {:?}", workflow.number.parts),
    ];
    for formula in &workflow.formulas {
        out.push(format!("{:?} {} = {}", formula.list, formula.field, formula.expression.text));
    }
    for subset in &workflow.subsets {
        out.push(format!("{}.{}: {}", subset.list, subset.name, subset.condition.text));
    }
    for initial in &workflow.initials {
        out.push(format!("{:?} {} begins with {}", initial.list, initial.field, given(&initial.value)));
    }
    out.extend(workflow.edit.iter().map(|edit| format!("edit {:?} {:?} {:?}", edit.stages, edit.by, edit.fields)));
    out.extend(workflow.read.iter().map(|read| format!("hide {:?} from {:?}", read.hide, read.roles)));
    for stage in workflow.stages.values() {
        out.push(format!("{} {:?} {:?} {:?}", stage.name, stage.title.text(Language::En), stage.owner, stage.end));
    }
    out.push(transition(&workflow.open));
    out.extend(workflow.transitions.iter().map(transition));
    out.join("\n")
}

#[test]
fn the_good_set_means_what_it_says() {
    let definition = compile(&load(&folder().join("good"))).definition.unwrap();
    insta::assert_snapshot!(meaning(&definition, &definition.workflows["sales_order"]), @r##"
    roles ["admin", "reviewer", "sales", "system", "warehouse"], tables ["customers", "products", "regions"]
    rules ["complete", "fill", "pricing"]
    销售订单 in Asia/Shanghai: {"carrier":"sf","large_order":100000,"max_discount":"15.5","remote":true}
    number [Literal("SO"), Date, Literal("-"), Sequence(4)]
    Some("lines") net = line.quantity * line.unit_price * (100 - line.discount) / 100
    None amount = lines.sum(|l| l.net)
    None large = amount >= setting.large_order || customer.grade == "key"
    lines.large: line.net >= 1000
    None answer_due begins with 17:00:00 today
    None note begins with "none"
    None urgent begins with false
    Some("lines") discount begins with "0"
    edit {"registered", "rejected"} [Role("sales")] ["lines", "promised_on", "written_confirmation", "tags"]
    edit {"approved", "cancelled", "completed", "registered", "rejected", "review"} [Role("sales"), User("rep")] ["remarks"]
    hide {"amount", "lines.unit_price"} from Some({"warehouse"})
    registered "Registered" Some(User("rep")) None
    review "Review" Some(Role("reviewer")) None
    approved "approved" Some(Role("warehouse")) None
    rejected "rejected" Some(User("rep")) None
    completed "Completed" None Some(Success)
    cancelled "cancelled" None Some(Cancelled)
    open from {} by [Role("sales"), Role("system")]
        Enforce refuse=true complete()
        to registered when Some("(source == \"online\" || source == \"offline\")") []
        to registered when None ["set(urgent: true)"]
        comment("opened")
    submit from {"registered"} by [Role("sales"), User("rep")]
        to review when None []
        set(first_promised_on: =promised_on, note: nothing)
    approve from {"review"} by [Role("reviewer")]
        not by ["open", "submit"], auto false
        Enforce refuse=true complete()
        Enforce refuse=true pricing(max_discount: =setting.max_discount)
        Shadow refuse=false pricing(max_discount: 10)
        Warn refuse=true need source != "verbal" || is_set(written_confirmation) / a verbal order needs the customer's written confirmation
        to approved when None []
        run fill()
        comment(=number)
    reject from {"review"} by [Role("reviewer")]
        ask reject_reason!
        ask remarks
        to rejected when None []
    ship from {"approved"} by []
        when (is_set(urgent) && (urgent == true)) && (source == "online")
        not by [], auto true
        to completed when None []
    send from {"approved"} by [Role("warehouse"), Role("system")]
        when large || is_set(note)
        to completed when None []
        run fill()
    resubmit from {"rejected"} by [Role("sales")]
        to review when None []
    cancel from {"registered", "rejected", "review"} by [Role("sales"), Role("signal")]
        to cancelled when None []
    report from {"approved", "registered", "rejected", "review"} by [Role("sales")]
        ask note!
        stay
    "##);
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
        (format!("workflow: a\n{}: 1\n", "k".repeat(900_000)), "E003"),
        (format!("workflow: a\n? {}\n: 1\n", "k".repeat(900_000)), "E020"),
        (format!("workflow: a\nopen: {{ by: {} }}\n", "k".repeat(900_000)), "E102"),
        (format!("workflow: a\nfields:\n{columns}"), "E130"),
    ] {
        let files = one("workflows/a.yaml", &text);
        let start: String = text.chars().take(20).collect();
        let found = compile(&files).diagnostics;
        assert!(found.iter().any(|found| &*found.code == code), "{start}: {:?}", found.first());
        assert!(found.len() <= FILE_DIAGNOSTICS_MAX + 1);
        assert!(render(&found, &files, false).len() < 1_000_000, "{start}");
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
