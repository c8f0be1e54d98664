//! Loading: from sources to checked scripts, or to every mistake in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{AST, Engine, Module, ParseError, ParseErrorType, Scope, ScriptFuncDef, Shared};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::field::Schema;
use crate::model::limit::{SCRIPT_BYTES_MAX, SCRIPT_LINES_MAX};
use crate::model::{Name, Place, Title};

use super::fault::Origin;
use super::sandbox::{DISABLED, Modules, is_module_name};
use super::{Environment, Rule};

/// The modules of `rules/lib`.
pub(super) struct Library {
    /// The functions of each module.
    pub(super) modules: BTreeMap<Name, AST>,
}

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
                Ok(ast) => waiting.push((Name::clone(name), Name::clone(file), ast)),
                Err(found) => mistakes.extend(found),
            }
        }
        let mut library = Self { modules: BTreeMap::new() };
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|(name, _, ast)| match Module::eval_ast_as_new(Scope::new(), ast, engine) {
                Ok(module) => {
                    modules.insert(Name::clone(name), module);
                    library.modules.insert(Name::clone(name), ast.clone());
                    false
                }
                Err(_) => true,
            });
            if waiting.len() == before {
                break;
            }
        }
        for (name, file, ast) in waiting {
            let error = Module::eval_ast_as_new(Scope::new(), &ast, engine).err();
            let reason = error.map(|error| super::fault::verdict_error(&error, &Origin::file(&file)));
            let place = reason.as_ref().map_or_else(|| start(&file), |reason| reason.place.clone());
            let reason = reason.map(|reason| reason.message).unwrap_or_default();
            mistakes.push(Diagnostic::error("E211", place, format!("module `{name}` can't be loaded: {reason}")));
        }
        if mistakes.is_empty() { Ok(library) } else { Err(mistakes) }
    }

    /// The names of the modules.
    pub(super) fn names(&self) -> Vec<&str> {
        self.modules.keys().map(|name| &**name).collect()
    }
}

fn parse_module(engine: &Engine, name: &str, file: &Name, source: &str) -> Result<AST, Vec<Diagnostic>> {
    if !is_module_name(name) {
        let message = format!("`{name}` can't be the name of a module");
        return Err(vec![Diagnostic::error("E211", start(file), message).help("use a-z, 0-9 and _")]);
    }
    let origin = Origin::file(file);
    let mut ast = parse(engine, source, &origin)?;
    ast.set_source(&**file);
    Ok(ast)
}

/// Compiles and checks an expression.
///
/// # Errors
/// Every mistake in it.
pub(super) fn expression(
    engine: &Engine,
    _library: &Library,
    text: &str,
    place: &Place,
    _environment: &Environment,
) -> Result<AST, Vec<Diagnostic>> {
    let origin = Origin { place: place.clone() };
    parse(engine, text, &origin)
}

/// Compiles a rule and checks what does not depend on the workflow that uses it.
///
/// # Errors
/// Every mistake in it.
pub(super) fn rule(
    engine: &Engine,
    _library: &Library,
    name: &str,
    file: &str,
    source: &str,
    messages: BTreeMap<Name, Title>,
) -> Result<Rule, Vec<Diagnostic>> {
    let origin = Origin::file(file);
    let ast = parse(engine, source, &origin)?;
    let shape = entry(&ast, file)?;
    Ok(Rule {
        name: name.into(),
        about: about(source),
        checks: shape.checks,
        runs: shape.runs,
        parameters: shape.parameters,
        place: start(file),
        ast,
        messages: Arc::new(messages),
        warnings: Vec::new(),
    })
}

/// Checks a rule for its use by one workflow.
pub(super) fn check_use(
    _engine: &Engine,
    _library: &Library,
    _rule: &Rule,
    _environment: &Environment,
    _with: &Schema,
) -> Vec<Diagnostic> {
    Vec::new()
}

/// The functions by which a rule is called.
struct EntryPoints {
    checks: bool,
    runs: bool,
    parameters: bool,
}

fn entry(ast: &AST, file: &str) -> Result<EntryPoints, Vec<Diagnostic>> {
    let named = |name: &str| functions(ast).find(|function| function.name == name);
    let (check, run) = (named("check"), named("run"));
    let mut mistakes = Vec::new();
    for function in [check, run].into_iter().flatten() {
        if !(1..=2).contains(&function.params.len()) {
            let place = Origin::file(file).place(function.body.start_position());
            let message = format!("`{}` takes the case, or the case and its parameters", function.name);
            mistakes.push(Diagnostic::error("E210", place, message).help("write `fn check(case, with)`"));
        }
    }
    if check.is_none() && run.is_none() {
        let message = "the rule has no function `check` and no function `run`";
        mistakes.push(Diagnostic::error("E210", start(file), message).help("write `fn check(it) { ... }`"));
    }
    let counts: Vec<usize> = [check, run].into_iter().flatten().map(|function| function.params.len()).collect();
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

/// The functions of a script, closures too.
pub(super) fn functions(ast: &AST) -> impl Iterator<Item = &Shared<ScriptFuncDef>> {
    ast.iter_fn_def()
}

/// Parses a script within its limits.
fn parse(engine: &Engine, source: &str, origin: &Origin) -> Result<AST, Vec<Diagnostic>> {
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

/// The doc comment at the top: `/// zh / en`, or one text for both.
fn about(source: &str) -> Title {
    let lines = source.lines().map(str::trim).skip_while(|line| line.is_empty());
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
