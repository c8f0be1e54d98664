//! Loading: from sources to checked scripts, or to every mistake in them.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rhai::{Engine, Module, ParseError, ParseErrorType, Scope};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::field::Schema;
use crate::model::limit::{SCRIPT_BYTES_MAX, SCRIPT_LINES_MAX};
use crate::model::{Name, Place, Title};

use super::check::{self, Script};
use super::direct;
use super::fault::Origin;
use super::parsed::Parsed;
use super::sandbox::{DISABLED, Modules, is_module_name};
use super::{Environment, Gives, Rule};

/// The modules of `rules/lib`, and the functions of the language.
pub(super) struct Library {
    /// The modules by name.
    pub(super) modules: BTreeMap<Name, Parsed>,
    natives: &'static Natives,
}

/// The functions of the language, by name, with the types of the arguments that each of their forms takes.
type Natives = BTreeMap<String, Vec<Vec<TypeId>>>;

/// All engines have the same ones, and collecting them takes longer than making an engine.
static NATIVES: OnceLock<Natives> = OnceLock::new();

impl Library {
    /// Compiles the modules, each after those it imports.
    ///
    /// # Errors
    /// Every mistake in them.
    pub(super) fn load(
        engine: &Engine,
        modules: &Modules,
        sources: &BTreeMap<Name, (Name, Arc<str>)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let mut waiting = Vec::new();
        for (name, (file, source)) in sources {
            match parse_module(engine, name, file, source) {
                // What a module does outside its functions would run when it is loaded.
                Ok(parsed) => match check::outside_functions(Script::new(&parsed, Origin::file(file))) {
                    found if found.is_empty() => waiting.push((Name::clone(name), Name::clone(file), parsed)),
                    found => mistakes.extend(found),
                },
                Err(found) => mistakes.extend(found),
            }
        }
        let mut library = Self { modules: BTreeMap::new(), natives: NATIVES.get_or_init(|| natives(engine)) };
        let stuck = library.build(engine, modules, waiting);
        for (name, file, parsed) in &stuck {
            mistakes.push(unloadable(engine, name, file, parsed));
        }
        for (name, parsed) in &library.modules {
            let file = sources.get(name).map(|(file, _)| &**file).unwrap_or_default();
            mistakes.extend(check::rule(Script::new(parsed, Origin::file(file)), &library, None, None));
        }
        if mistakes.is_empty() { Ok(library) } else { Err(mistakes) }
    }

    /// Builds what can be built, each module after those it imports; gives back what can't.
    fn build(&mut self, engine: &Engine, modules: &Modules, waiting: Vec<Waiting>) -> Vec<Waiting> {
        let before = waiting.len();
        let mut stuck = Vec::new();
        for (name, file, parsed) in waiting {
            match Module::eval_ast_as_new(Scope::new(), &parsed.ast, engine) {
                Ok(module) => {
                    modules.insert(Name::clone(&name), module);
                    self.modules.insert(name, parsed);
                }
                Err(_) => stuck.push((name, file, parsed)),
            }
        }
        if stuck.is_empty() || stuck.len() == before { stuck } else { self.build(engine, modules, stuck) }
    }

    /// The names of the modules.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(|name| &**name)
    }

    /// How many arguments the function of the language called `name` takes; what stands before a dot is one.
    pub(super) fn arities(&self, name: &str) -> Vec<usize> {
        let counts: BTreeSet<usize> = self.forms(name).map(Vec::len).collect();
        counts.into_iter().collect()
    }

    /// The types of the arguments of each form of the function of the language called `name`.
    pub(super) fn forms(&self, name: &str) -> impl Iterator<Item = &'static Vec<TypeId>> {
        self.natives.get(name).into_iter().flatten()
    }

    /// Whether the language has a function called `name` with so many arguments.
    pub(super) fn takes(&self, name: &str, count: usize) -> bool {
        self.forms(name).any(|form| form.len() == count)
    }

    /// The names of all functions of the language.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        self.natives.keys().map(String::as_str)
    }
}

type Waiting = (Name, Name, Parsed);

fn natives(engine: &Engine) -> Natives {
    let mut natives = Natives::new();
    let form = |info: rhai::FuncInfo<'_>| {
        Some((info.metadata.name.to_string(), info.metadata.param_types.iter().copied().collect::<Vec<_>>()))
    };
    for (name, types) in engine.collect_fn_metadata(None, form, true) {
        if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            natives.entry(name).or_default().push(types);
        }
    }
    natives
}

fn unloadable(engine: &Engine, name: &str, file: &Name, parsed: &Parsed) -> Diagnostic {
    let error = Module::eval_ast_as_new(Scope::new(), &parsed.ast, engine).err();
    let reason = error.map(|error| super::fault::verdict_error(&error, &Origin::file(file)));
    let place = reason.as_ref().map_or_else(|| start(file), |reason| reason.place.clone());
    let reason = reason.map(|reason| reason.message).unwrap_or_default();
    Diagnostic::error("E211", place, format!("module `{name}` can't be loaded: {reason}"))
}

fn parse_module(engine: &Engine, name: &str, file: &Name, source: &str) -> Result<Parsed, Vec<Diagnostic>> {
    if !is_module_name(name) {
        let message = format!("`{name}` can't be the name of a module");
        return Err(vec![Diagnostic::error("E211", start(file), message).help("use a-z, 0-9 and _")]);
    }
    let origin = Origin::file(file);
    let mut ast = parse(engine, source, &origin)?;
    ast.set_source(&**file);
    Ok(Parsed::new(ast))
}

/// Compiles and checks an expression, and finds out what it gives.
///
/// # Errors
/// Every mistake in it.
pub(super) fn expression(
    engine: &Engine,
    library: &Library,
    text: &str,
    place: &Place,
    environment: &Environment,
) -> Result<(Parsed, Gives), Vec<Diagnostic>> {
    let origin = Origin::at(place.clone());
    let parsed = Parsed::new(parse(engine, text, &origin)?);
    let (found, gives) = check::expression(Script::new(&parsed, origin), library, environment);
    if found.is_empty() { Ok((parsed, gives)) } else { Err(found) }
}

/// Compiles a rule and checks what does not depend on the workflow that uses it.
///
/// # Errors
/// Every mistake in it.
pub(super) fn rule(
    engine: &Engine,
    library: &Library,
    name: &str,
    file: &str,
    source: &str,
    messages: BTreeMap<Name, Title>,
) -> Result<Rule, Vec<Diagnostic>> {
    let origin = Origin::file(file);
    let parsed = Parsed::new(parse(engine, source, &origin)?);
    let points = entry(&parsed, file);
    let mut found = check::rule(Script::new(&parsed, origin.clone()), library, None, None);
    found.extend(points.as_ref().err().into_iter().flatten().cloned());
    let (Ok(points), true) = (points, found.is_empty()) else { return Err(found) };
    let plan = direct::rule(&parsed, library, origin.clone());
    let warnings = check::unsaid(&Script::new(&parsed, origin), &messages);
    Ok(Rule {
        name: name.into(),
        about: about(source),
        checks: points.checks,
        runs: points.runs,
        parameters: points.parameters,
        place: start(file),
        parsed,
        plan,
        messages: Arc::new(messages),
        warnings,
    })
}

/// Checks a rule for its use by one workflow.
pub(super) fn check_use(library: &Library, rule: &Rule, environment: &Environment, with: &Schema) -> Vec<Diagnostic> {
    let script = Script::new(&rule.parsed, Origin::file(&rule.place.file));
    check::rule(script, library, Some(environment), Some(with))
}

/// The functions by which a rule is called.
struct EntryPoints {
    checks: bool,
    runs: bool,
    parameters: bool,
}

fn entry(parsed: &Parsed, file: &str) -> Result<EntryPoints, Vec<Diagnostic>> {
    let named = |name: &str| parsed.functions.iter().find(|function| function.name == name);
    let (check, run) = (named("check"), named("run"));
    let mut mistakes = Vec::new();
    for function in [check, run].into_iter().flatten() {
        if !(1..=2).contains(&function.parameters.len()) {
            let place = Origin::file(file).place(function.position);
            let message = format!("`{}` takes the case, or the case and its parameters", function.name);
            mistakes.push(Diagnostic::error("E210", place, message).help("write `fn check(it, given)`"));
        }
    }
    for name in ["check", "run"].into_iter().filter(|name| parsed.arities(name).len() > 1) {
        let message = format!("there are several functions `{name}`");
        mistakes.push(Diagnostic::error("E210", start(file), message).help("keep one of them"));
    }
    if check.is_none() && run.is_none() {
        let message = "the rule has no function `check` and no function `run`";
        mistakes.push(Diagnostic::error("E210", start(file), message).help("write `fn check(it) { ... }`"));
    }
    let counts: Vec<usize> = [check, run].into_iter().flatten().map(|function| function.parameters.len()).collect();
    if counts.iter().any(|count| counts.first() != Some(count)) {
        let message = "`check` and `run` take the same parameters";
        mistakes.push(Diagnostic::error("E210", start(file), message));
    }
    let parameters = counts.first() == Some(&2);
    if mistakes.is_empty() {
        Ok(EntryPoints { checks: check.is_some(), runs: run.is_some(), parameters })
    } else {
        Err(mistakes)
    }
}

/// Parses a script within its limits.
fn parse(engine: &Engine, source: &str, origin: &Origin) -> Result<rhai::AST, Vec<Diagnostic>> {
    if source.len() > SCRIPT_BYTES_MAX || source.lines().count() > SCRIPT_LINES_MAX {
        let message = format!("a script has at most {SCRIPT_BYTES_MAX} bytes and {SCRIPT_LINES_MAX} lines");
        return Err(vec![Diagnostic::error("E202", origin.place.clone(), message)]);
    }
    engine.compile(source).map_err(|error| vec![unreadable(&error, origin)])
}

/// What Rhai says about a script that it can't read.
fn unreadable(error: &ParseError, origin: &Origin) -> Diagnostic {
    let ParseError(kind, position) = error;
    let place = origin.place(*position);
    let text = kind.to_string();
    if let Some((word, why)) = DISABLED.iter().find(|(word, _)| text.contains(&format!("'{word}'"))) {
        return Diagnostic::error("E209", place, format!("`{word}` is not part of the language"))
            .help(why)
            .length(word.len());
    }
    if let ParseErrorType::Reserved(word) = &**kind {
        let message = format!("`{word}` is a reserved word");
        return Diagnostic::error("E209", place, message).help("choose another name").length(word.len());
    }
    let mut letters = text.chars();
    let message: String = letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    Diagnostic::error("E201", place, message)
}

/// The first doc comment: `/// zh / en`, or one text for both.
fn about(source: &str) -> Title {
    let lines = source.lines().map(str::trim).skip_while(|line| !line.starts_with("///"));
    let text: Vec<&str> = lines.map_while(|line| line.strip_prefix("///")).map(str::trim).collect();
    let text = text.join(" ");
    match text.split_once(" / ") {
        Some((zh, en)) => Title::new(zh.trim(), en.trim()),
        None if text.is_empty() => Title::default(),
        None => Title::both(&text),
    }
}

/// The start of a file.
fn start(file: &str) -> Place {
    Place { file: file.into(), line: 1, column: 1 }
}

/// Advice when a known name is near.
pub(super) fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    did_you_mean(word, known).map(|near| format!("did you mean `{near}`?"))
}
