//! `gendan demo`, the real binary: its numbers add up, come out the same for a seed, and it serves what it played.
#![cfg(test)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value as Json;

fn demo(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
    command.arg("demo").args(arguments).current_dir(folder).env("LANG", "C").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    demo(arguments, folder).output().unwrap()
}

fn summary(output: &Output) -> Json {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(json: &Json, pointer: &str) -> u64 {
    json.pointer(pointer).and_then(Json::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {json:#}"))
}

fn sum(json: &Json, list: &str, field: &str) -> u64 {
    let items = json.pointer(list).and_then(Json::as_array).unwrap();
    items.iter().map(|item| number(item, field)).sum()
}

/// The summary without what depends on the machine.
fn timeless(mut summary: Json) -> Json {
    let members = summary.as_object_mut().unwrap();
    assert!(members.remove("seconds").is_some() && members.remove("per_second").is_some());
    summary
}

#[test]
fn the_numbers_add_up_and_a_seed_gives_the_same_history() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = ["--exit", "--orders", "40", "--format", "json"];
    let one = timeless(summary(&run(&arguments, here)));

    assert_eq!(number(&one, "/cases/planned"), 40);
    assert_eq!(number(&one, "/cases/opened") + number(&one, "/cases/not_opened"), 40);
    assert_eq!(sum(&one, "/stages", "/cases"), number(&one, "/cases/opened"), "each case is in one stage: {one:#}");
    let commands = ["/commands/done", "/commands/refused"].map(|pointer| number(&one, pointer));
    assert_eq!(commands.iter().sum::<u64>(), number(&one, "/commands/sent"));
    assert!(commands.iter().all(|count| *count > 0), "some are done and some are refused: {one:#}");
    // A command may be refused for several reasons, and is refused for one at least.
    assert!(sum(&one, "/refusals", "/commands") >= number(&one, "/commands/refused"));
    for refusal in one["refusals"].as_array().unwrap() {
        assert!(number(refusal, "/cases") <= number(refusal, "/commands"), "{refusal}");
        assert_ne!(refusal["example"], "");
    }
    let rules = one["refusals"].as_array().unwrap().iter().filter(|refusal| refusal["rule"] != Json::Null);
    assert!(rules.count() > 0, "rules refuse some: {one:#}");
    assert!(sum(&one, "/reached", "/cases") > 0);

    let fewer_at_once = [&arguments[..], &["--clients", "2"]].concat();
    assert_eq!(timeless(summary(&run(&fewer_at_once, here))), one, "who works at once changes nothing");
    let other_seed = [&arguments[..], &["--seed", "8"]].concat();
    assert_ne!(timeless(summary(&run(&other_seed, here))), one);
}

#[test]
fn where_there_are_no_definitions_it_brings_its_own_and_never_overwrites_a_folder() {
    let elsewhere = tempfile::tempdir().unwrap();
    let arguments = ["--exit", "--cases", "5", "--folder", "kept", "--format", "json"];
    let one = timeless(summary(&run(&arguments, elsewhere.path())));
    let kept = elsewhere.path().join("kept");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["workflows", "rules"] {
        let names = |root: &Path| {
            let mut names: Vec<_> =
                std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&kept), names(shipped), "{folder}");
    }

    let again = run(&arguments, elsewhere.path());
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("a demo stands in `kept` already") && said.contains("--reset"), "{said}");
    let reset = [&arguments[..], &["--reset"]].concat();
    assert_eq!(timeless(summary(&run(&reset, elsewhere.path()))), one);

    std::fs::create_dir(elsewhere.path().join("mine")).unwrap();
    std::fs::write(elsewhere.path().join("mine/letter.txt"), "dear").unwrap();
    let foreign = run(&["--exit", "--folder", "mine", "--reset"], elsewhere.path());
    assert_eq!(foreign.status.code(), Some(1));
    assert_eq!(std::fs::read(elsewhere.path().join("mine/letter.txt")).unwrap(), b"dear");
}

#[test]
fn a_mapping_that_is_wrong_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    for entry in std::fs::read_dir(&example).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let mapping = folder.path().join("mapping.yaml");
    let text = std::fs::read_to_string(&mapping).unwrap();
    std::fs::write(&mapping, text.replace("{customer.address}", "{customer.adress}")).unwrap();
    let output = run(&["--exit", "--mapping", mapping.to_str().unwrap()], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("mapping.yaml:") && said.contains("`customer` has no column `adress`; did you mean `address`?"),
        "{said}"
    );
}

/// A process that is ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn it_goes_on_serving_what_it_played() {
    let elsewhere = tempfile::tempdir().unwrap();
    let arguments = ["--cases", "12", "--format", "json", "--folder", "kept", "--listen", "127.0.0.1:0"];
    let mut child = demo(&arguments, elsewhere.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _running = Running(child);
    let line = lines.find_map(|line| line.ok().filter(|line| line.starts_with("{\"serving\""))).unwrap();
    let serving: Json = serde_json::from_str(&line).unwrap();
    let serving = &serving["serving"];

    let keys = serving["keys"].as_array().unwrap();
    let roles: Vec<&str> =
        keys.iter().flat_map(|key| key["roles"].as_array().unwrap()).filter_map(Json::as_str).collect();
    assert!(roles.contains(&"admin") && roles.contains(&"reviewer") && roles.contains(&"warehouse"), "{roles:?}");
    let address = serving["address"].as_str().unwrap();
    let get = |path: &str, key: &str| -> (u16, Json) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let request = agent.get(format!("{address}{path}")).header("authorization", format!("Bearer {key}"));
        let mut answer = request.call().unwrap();
        let mut text = String::new();
        answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
    };
    for key in keys.iter().filter_map(|key| key["key"].as_str()) {
        let (status, page) = get("/v1/cases?workflow=sales_order&count=true&limit=1", key);
        assert_eq!((status, page["count"].as_u64()), (200, Some(12)), "{page}");
    }
    assert_eq!(get("/v1/cases", "gk_wrong").0, 401);

    let tries = serving["try_this"].as_array().unwrap();
    assert_eq!(tries.len(), 3);
    for command in tries.iter().filter_map(|this| this["command"].as_str()) {
        let asked = command.split('\'').find(|piece| piece.starts_with(address)).unwrap();
        let key = command.split_once("Bearer ").unwrap().1.split('\'').next().unwrap();
        if !asked.contains("dry_run") {
            assert_eq!(get(&asked.replace(address, ""), key).0, 200, "{command}");
        }
    }
}
