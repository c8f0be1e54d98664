//! Hostile scripts, each in a process of its own: none ends it by a signal, outlives its deadline, or passes.
//!
//! The parent starts this same test binary again with one test and the number of a script in its environment, so
//! that a stack overflow (which no `catch_unwind` holds) is seen as a signal and not as the end of the tests.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "the deadline of a decider is real time, and a child is told its script"
)]

#[path = "rules/common.rs"]
mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gendan::model::limit::{DECIDER_STACK_BYTES, RULE_MILLISECONDS_MAX, RULE_OPERATIONS_MAX};
use gendan::model::{Budget, Record};

/// The variable that carries the number of the script to the child.
const NUMBER: &str = "GENDAN_TEST_HOSTILE";
/// What a child says when the script was refused; anything else is a failure.
const REFUSED: &str = "hostile script refused: ";
/// A script may use its deadline, and what the engine needs to notice it. Machines that run tests are loaded.
const GRACE: Duration = Duration::from_millis(450);

/// The bodies of hostile rules; each stands in `fn check(o) { ... }`.
const HOSTILE: &[&str] = &[
    // F1: nested values overflow the stack when they are dropped.
    "let a = []; for i in 0..60000 { a = [a]; }",
    "let a = #{}; for i in 0..60000 { a = #{x: a}; }",
    "let a = []; for i in 0..60000 { a = [#{x: a}]; }",
    "let a = []; for i in 0..60000 { let b = []; b.push(a); a = b; }",
    "let a = #{}; for i in 0..60000 { let b = #{}; b.x = a; a = b; }",
    "let a = #{}; for i in 0..60000 { let b = #{}; b[\"x\"] = a; a = b; }",
    "let a = o.lines; for i in 0..60000 { a = o.lines.map(|l| a); }",
    "let a = o.lines; for i in 0..60000 { a = [o.lines.map(|l| a)]; }",
    "let a = []; for i in 0..60000 { a = [a].map(|x| [x]); }",
    "let a = []; for i in 0..60000 { a += [a]; }",
    "let a = [1]; for i in 0..60 { a += a; }",
    "let a = [1]; for i in 0..60 { a.append(a); }",
    "let a = [1]; a.pad(1000000000, 0);",
    "let a = []; loop { a.push(a); }",
    "let a = []; loop { a.insert(0, 1); }",
    // Functions that call themselves, and deep expressions.
    "f(1);",
    "g(1);",
    "h(0);",
    "let x = o.lines.map(|l| f(1));",
    "o.lines.all(|l| o.lines.all(|m| o.lines.all(|n| f(1) == 1)));",
    // F2: much work in few operations.
    "loop { }",
    "loop { 1; }",
    "while true { let x = 1; }",
    "do { } while true;",
    "for i in 0..9000000000000 { }",
    "for i in range(0, 9000000000000, 1) { }",
    "for i in 0..=9223372036854775807 { }",
    "let s = \"x\"; loop { s += s; }",
    "let s = \"x\"; loop { s = s + s; }",
    "let s = \"x\"; loop { s = `${s}${s}`; }",
    "let s = \"a\"; loop { s = s.replace(\"a\", \"aa\"); }",
    "let s = \"x\"; for i in 0..14 { s += s; } loop { s.contains(\"xxxxxxxxxxxy\"); }",
    "let s = \"x\"; for i in 0..13 { s += s; } let n = 0; loop { n += s.split(\"x\").len(); }",
    "let s = \"x\"; for i in 0..13 { s += s; } loop { s.replace(\"x\", \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"); }",
    "let s = \"x\"; for i in 0..13 { s += s; } loop { s.to_upper(); }",
    "let m = #{}; let i = 0; loop { m[i.to_string()] = i; i += 1; }",
    "let m = #{a: #{}}; let i = 0; loop { m.a[i.to_string()] = i; i += 1; }",
    "let m = #{a: [1]}; loop { m.a.push(m.a.len()); }",
    "let a = []; for i in 0..200 { a.push(i); } loop { a.sort_by(|x| -x); }",
    "let a = []; for i in 0..200 { a.push(i); } loop { a.sort_by(|x| 1).reverse(); }",
    "let a = []; for i in 0..200 { a.push(i); } loop { let b = a == a; }",
    "loop { o.lines.map(|l| o.lines.map(|m| o.lines.map(|n| n.price * m.price * l.price))); }",
    "let n = 79228162514264337593543950335.0; loop { n = n * n; }",
    "let n = 9223372036854775807; n += 1;",
    "let n = 1; loop { n *= 2; }",
    "let d = o.promised_on; loop { d = d + 100000; }",
    "let d = now; loop { d = d + hours(100000000); }",
    "hours(9223372036854775807);",
    "let x = 5 / 0;",
    "let x = 5 % 0;",
    "round(1.5, 1000);",
    "\"x\".sub_string(-5, 9223372036854775807) / 1;",
    // F3 and F8: out of the sandbox.
    "sleep(3);",
    "eval(\"loop {}\");",
    "import \"/etc/passwd\" as p;",
    "import \"../evil\" as p;",
    "import \"money\" + \"\" as p;",
    "print(1); loop { print(\"x\"); debug(\"y\"); }",
    "timestamp();",
    "exit(1);",
    "open(\"/etc/passwd\");",
    // F4: what would pass silently.
    "if o.rebate > 5 { fail(\"a\", \"\"); }",
    "if \"5\" < 10 { fail(\"a\", \"\"); }",
    "if o.kind > o.total { fail(\"a\", \"\"); }",
    "let x = o.rebate; if x > 5 { fail(\"a\", \"\"); }",
    "try { o.rebate > 5 } catch { }",
    "switch o.kind { \"x\" => 1, _ => 2 }",
    // F5: a misspelt field.
    "if o.totl > 5 { fail(\"a\", \"\"); }",
    "let m = #{a: 1}; if m.b > 5 { fail(\"a\", \"\"); }",
    // Closures that hold, change or call what they should not.
    "let f = || 1; for i in 0..60000 { let g = f; f = || g; }",
    "let a = [1]; o.lines.map(|l| { a.push(a); 1 }); loop { a.len(); }",
    "let a = [1]; o.lines.map(|l| { a = [a]; 1 }); loop { a.len(); }",
    "Fn(\"check\").call(o);",
    "let f = check; f.call(o);",
    "loop { check(o); }",
    // A flood of findings.
    "loop { fail(\"a\", \"b\", #{}); }",
    "let s = \"x\"; for i in 0..13 { s += s; } loop { fail(\"a\", \"b\", #{s: s}); }",
    "throw \"no\";",
    "let x = 1; let x = 2; o = 5; this.x = 5;",
];

/// A whole rule around a hostile body.
fn rule(body: &str) -> String {
    let helpers = "fn f(n) { f(n + 1) } fn g(n) { g2(n) } fn g2(n) { g(n) } fn h(n) { [h(n + 1), h(n + 2)] }";
    format!("fn check(o) {{ {body} }}\n{helpers}")
}

/// Rules that are hostile as a whole: too deep, too long, too many functions or variables.
fn wholes() -> Vec<String> {
    let deep = |open: &str, close: &str, count: usize| {
        format!("fn check(o) {{ let x = {}1{}; loop {{}} }}", open.repeat(count), close.repeat(count))
    };
    vec![
        deep("(", ")", 5_000),
        deep("[", "]", 5_000),
        deep("#{a:", "}", 5_000),
        deep("-", "", 5_000),
        deep("!", "", 5_000),
        deep("if true { ", "}", 1_000),
        deep("`${", "}`", 1_000),
        format!("fn check(o) {{ let x = 1{}; loop {{}} }}", " + 1".repeat(10_000)),
        format!("fn check(o) {{ {} }}", "{".repeat(20_000)),
        format!("fn check(o) {{ o{} }}", ".lines[0]".repeat(5_000)),
        format!("fn check(o) {{ loop {{}} }} {}", (0..200).map(|i| format!("fn f{i}() {{}}\n")).collect::<String>()),
        format!("fn check(o) {{ {} }}", (0..1_000).map(|i| format!("let v{i} = {i};")).collect::<String>()),
        format!("fn check(o) {{ let s = \"{}\"; loop {{}} }}", "x".repeat(60_000)),
        "fn check(o) { loop { \u{0} } }".to_owned(),
        "\u{feff}fn check(o) { loop {} }".to_owned(),
        "/* /* /* fn check(o) {".to_owned(),
    ]
}

fn scripts() -> Vec<String> {
    HOSTILE.iter().map(|body| rule(body)).chain(wholes()).collect()
}

/// Why a script is refused, at load or at its run; `None` when it passes.
fn refusal(source: &str) -> Option<String> {
    let engine = common::engine();
    let compiled = match engine.rule("hostile", "rules/hostile.rhai", source, Default::default()) {
        Ok(rule) => rule,
        Err(found) => return Some(format!("at load: {}", found.first()?.message)),
    };
    let used = engine.check_use(&compiled, &common::environment(), &Default::default());
    // A rule that the check at load refuses is run all the same: the sandbox must hold without it.
    let started = Instant::now();
    let deadline = started + Duration::from_millis(RULE_MILLISECONDS_MAX);
    let budget =
        Budget { rule_operations_max: RULE_OPERATIONS_MAX, overdue: Arc::new(move || Instant::now() > deadline) };
    let (findings, error) = engine.check(&compiled, &common::facts_with(common::fields(), budget), &Record::new());
    let took = started.elapsed();
    assert!(took < Duration::from_millis(RULE_MILLISECONDS_MAX) + GRACE, "it took {took:?}");
    drop(findings);
    let error = error.map(|error| format!("{}: {}", error.code, error.message));
    error.or_else(|| used.first().map(|found| format!("in use: {}", found.message)))
}

/// The child: runs one script on a thread with the stack of a decider.
#[test]
fn hostile_child() {
    let Ok(number) = std::env::var(NUMBER) else { return };
    let source = scripts().swap_remove(number.parse().unwrap());
    let decider = std::thread::Builder::new().stack_size(DECIDER_STACK_BYTES);
    let refusal = decider.spawn(move || refusal(&source)).unwrap().join().unwrap();
    println!("{REFUSED}{}", refusal.expect("the script passes"));
}

#[test]
fn no_hostile_script_ends_the_process_or_passes() {
    let scripts = scripts();
    assert!(scripts.len() >= 50);
    let mut wrong = Vec::new();
    for (number, source) in scripts.iter().enumerate() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile_child", "--nocapture"])
            .env(NUMBER, number.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        if !child.status.success() || !said.contains(REFUSED) {
            let start: String = source.chars().take(120).collect();
            let errors = String::from_utf8_lossy(&child.stderr);
            let errors: String = errors.lines().take(4).collect::<Vec<_>>().join(" | ");
            wrong.push(format!("{} {start}\n    {errors}", child.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
