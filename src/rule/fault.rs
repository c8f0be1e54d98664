//! Faults: why a script could not go on, and how a Rhai error becomes a [`VerdictError`] with a place.

use rhai::{Dynamic, EvalAltResult, Position};

use crate::model::{Name, Place, VerdictError};

use super::run;

/// A value is missing where one is needed.
pub(super) const MISSING: &str = "missing_value";
/// Values of unlike types meet.
pub(super) const MISMATCH: &str = "type_mismatch";
/// A calendar knows nothing of a year that is needed.
pub(super) const NO_CALENDAR_DATA: &str = "no_calendar_data";
/// Anything else that is wrong in a script.
pub(super) const SCRIPT: &str = "script";

/// Why a host function can't answer. It travels through Rhai as the token of a run-time error; a script can't
/// make one, and can't catch one, for `try` is not part of the language.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The stable code.
    pub(super) code: &'static str,
    /// The sentence.
    pub(super) message: String,
}

impl Fault {
    /// A fault with a code and a sentence.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Something that is wrong in a script, other than a missing or mistyped value.
    pub(super) fn script(message: impl Into<String>) -> Self {
        Self::new(SCRIPT, message)
    }

    /// A limit that was reached.
    pub(super) fn budget(message: impl Into<String>) -> Self {
        Self::new(VerdictError::BUDGET, message)
    }

    /// A missing value in `doing`; names the field that was read last and found unset.
    pub(super) fn missing(doing: &str) -> Self {
        let message = match run::last_missing() {
            Some(field) => format!("`{field}` is not set, and {doing} needs a value"),
            None => format!("{doing} needs a value, and there is none"),
        };
        Self::new(MISSING, message)
    }
}

impl Fault {
    /// The fault as Rhai carries it.
    pub(super) fn into_error(self) -> EvalAltResult {
        EvalAltResult::ErrorRuntime(Dynamic::from(self), Position::NONE)
    }
}

impl From<Fault> for Box<EvalAltResult> {
    fn from(fault: Fault) -> Self {
        fault.into_error().into()
    }
}

/// Where the text that Rhai saw begins in its file: positions in it become places by this.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The place of its first character.
    pub(super) place: Place,
    /// Where Rhai gives no position: it does not keep that of an operation at which a run was stopped.
    pub(super) otherwise: Place,
}

impl Origin {
    /// A whole file.
    pub(super) fn file(file: &str) -> Self {
        Self::at(Place { file: file.into(), line: 1, column: 1 })
    }

    /// A text that begins at this place of its file.
    pub(super) fn at(place: Place) -> Self {
        Self { otherwise: place.clone(), place }
    }

    /// The place in the file of a position in the text.
    pub(super) fn place(&self, position: Position) -> Place {
        let (Some(line), column) = (position.line(), position.position().unwrap_or(1)) else {
            return self.otherwise.clone();
        };
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let before = if line == 1 { self.place.column.saturating_sub(1) } else { 0 };
        Place {
            file: Name::clone(&self.place.file),
            line: self.place.line.saturating_add(number(line.saturating_sub(1))),
            column: before.saturating_add(number(column)),
        }
    }
}

/// What ended a run, told to the caller.
pub(super) fn verdict_error(error: &EvalAltResult, origin: &Origin) -> VerdictError {
    let (inner, position, source) = innermost(error, Position::NONE, None);
    let place = match source {
        Some(file) => Origin::file(file).place(position),
        None => origin.place(position),
    };
    let fault = explain(inner);
    VerdictError { code: fault.code.into(), message: fault.message.as_str().into(), place }
}

/// The error inside all function calls, its position, and the file of the function that raised it (`None`: the
/// script itself).
fn innermost<'a>(
    error: &'a EvalAltResult,
    outer: Position,
    source: Option<&'a str>,
) -> (&'a EvalAltResult, Position, Option<&'a str>) {
    let position = if error.position().is_none() { outer } else { error.position() };
    if let EvalAltResult::ErrorInFunctionCall(_, file, inner, _) = error {
        let file = if file.is_empty() { source } else { Some(file.as_str()) };
        return innermost(inner, position, file);
    }
    if let EvalAltResult::ErrorInModule(_, inner, _) = error {
        return innermost(inner, position, source);
    }
    (error, position, source)
}

fn explain(error: &EvalAltResult) -> Fault {
    if let EvalAltResult::ErrorRuntime(token, _) | EvalAltResult::ErrorTerminated(token, _) = error {
        return match token.read_lock::<Fault>() {
            Some(fault) => fault.clone(),
            None => Fault::script(format!("the script gave up: {token}")),
        };
    }
    if ran_out(error) {
        return Fault::budget(format!("the rule ran out of its limits: {}", plain(error)));
    }
    if let EvalAltResult::ErrorMismatchDataType(wanted, found, _) = error {
        return if found == "()" {
            Fault::missing("a condition")
        } else {
            Fault::new(MISMATCH, format!("{} is needed here, and this is {}", plain_type(wanted), plain_type(found)))
        };
    }
    if let EvalAltResult::ErrorFunctionNotFound(signature, _) = error {
        return unknown_function(signature);
    }
    if let EvalAltResult::ErrorDotExpr(..) | EvalAltResult::ErrorIndexingType(..) | EvalAltResult::ErrorFor(..) = error
    {
        return unreachable_part(error);
    }
    Fault::script(plain(error))
}

/// What people call a type of Rhai.
fn plain_type(name: &str) -> String {
    let known = match name {
        "bool" => "a boolean",
        "i64" => "an integer",
        "decimal" => "a decimal",
        "string" => "a text",
        "char" => "a letter",
        "Fn" => "a function",
        _ => return format!("a {name}"),
    };
    known.to_owned()
}

fn ran_out(error: &EvalAltResult) -> bool {
    matches!(
        error,
        EvalAltResult::ErrorTooManyOperations(..)
            | EvalAltResult::ErrorTooManyVariables(..)
            | EvalAltResult::ErrorTooManyModules(..)
            | EvalAltResult::ErrorStackOverflow(..)
            | EvalAltResult::ErrorDataTooLarge(..)
    )
}

fn unknown_function(signature: &str) -> Fault {
    let (name, arguments) = signature.split_once('(').unwrap_or((signature, ""));
    let name = name.trim();
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    if arguments.split(',').any(|argument| argument.trim() == "()") {
        return Fault::missing(&format!("`{name}`"));
    }
    Fault::new(MISMATCH, format!("`{name}` does not take ({arguments})"))
}

/// A property, an index or an iteration of something that has none.
fn unreachable_part(error: &EvalAltResult) -> Fault {
    let text = plain(error);
    if text.contains("'()'") || text.contains("()") {
        return Fault::missing("what is read of it");
    }
    Fault::new(MISMATCH, text)
}

/// Rhai's own sentence without its position, in lower case at the beginning.
fn plain(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let text = text.split_once(" (line ").map_or(text.as_str(), |(before, _)| before);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
