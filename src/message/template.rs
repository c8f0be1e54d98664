//! Templates: a text in each language, compiled once.

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use crate::diagnostic::Diagnostic;
use crate::model::limit::{MESSAGE_BYTES_MAX, MESSAGE_FUEL_MAX, MESSAGE_RECURSION_MAX};
use crate::model::{Language, Name, Place, Title};

use super::{Names, Scene, check, filter, view};

/// The name under which the one template of an environment stands.
const NAME: &str = "text";

/// A text with a template in each language; both may be one.
#[derive(Debug, Default)]
pub struct Text {
    zh: Option<Arc<Template>>,
    en: Option<Arc<Template>>,
}

/// A template in one language.
struct Template {
    source: Name,
    origin: Origin,
    environment: Environment<'static>,
    bytes: usize,
}

/// How much a text may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of it.
    pub(super) bytes: usize,
    /// Steps that writing it may take.
    pub(super) fuel: u64,
}

/// Where the text of a template begins, and whether all of it stands in one line of its file.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its first character.
    pub place: Place,
    /// Whether its line breaks are written as `\n`.
    pub one_line: bool,
}

impl Origin {
    /// The place of a line and column of the template; both count from 1.
    pub(super) fn at(&self, line: u32, column: u32) -> Place {
        if line <= 1 {
            return Place { column: self.place.column.saturating_add(column.saturating_sub(1)), ..self.place.clone() };
        }
        if self.one_line {
            return self.place.clone();
        }
        let column = self.place.column.saturating_add(column.saturating_sub(1));
        Place { line: self.place.line.saturating_add(line - 1), column, ..self.place.clone() }
    }
}

impl Text {
    /// Compiles a text: where each language stands, and its template. `html` says that values are escaped for HTML.
    ///
    /// # Errors
    /// Every mistake in the form of the templates.
    pub fn compile(
        zh: Option<(&str, Origin)>,
        en: Option<(&str, Origin)>,
        html: bool,
    ) -> Result<Self, Vec<Diagnostic>> {
        Self::bounded(zh, en, html, Bounds { bytes: MESSAGE_BYTES_MAX, fuel: MESSAGE_FUEL_MAX })
    }

    /// The same, with bounds of its own.
    pub(super) fn bounded(
        zh: Option<(&str, Origin)>,
        en: Option<(&str, Origin)>,
        html: bool,
        bounds: Bounds,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let mut compile = |given: Option<(&str, Origin)>, language| {
            let (source, origin) = given?;
            Template::compile(source, origin, language, html, bounds)
                .map_err(|mistake| wrong.push(mistake))
                .ok()
                .map(Arc::new)
        };
        let (zh, en) = (compile(zh, Language::Zh), compile(en, Language::En));
        if wrong.is_empty() { Ok(Self { zh, en }) } else { Err(wrong) }
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zh.is_none() && self.en.is_none()
    }

    /// Checks the names in it.
    pub(super) fn check(&self, names: &Names) -> Vec<Diagnostic> {
        let templates = [&self.zh, &self.en].into_iter().flatten();
        templates.flat_map(|template| check::check(&template.source, &template.origin, names)).collect()
    }

    /// Writes it in the languages that it has; in one, where that is asked for, or in the other when it is missing.
    pub(super) fn write(&self, scene: &Scene, language: Option<Language>) -> Result<Title, String> {
        let (zh, en) = match language {
            None => (self.zh.as_ref(), self.en.as_ref()),
            Some(Language::Zh) if self.zh.is_some() => (self.zh.as_ref(), None),
            Some(Language::En) if self.en.is_none() => (self.zh.as_ref(), None),
            Some(Language::Zh | Language::En) => (None, self.en.as_ref()),
        };
        let write = |template: Option<&Arc<Template>>, language| {
            template.map(|template| template.write(scene, language)).transpose()
        };
        Ok(Title { zh: write(zh, Language::Zh)?, en: write(en, Language::En)? })
    }
}

impl Template {
    fn compile(
        source: &str,
        origin: Origin,
        language: Language,
        html: bool,
        bounds: Bounds,
    ) -> Result<Self, Diagnostic> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
        environment.set_fuel(Some(bounds.fuel));
        environment.set_recursion_limit(MESSAGE_RECURSION_MAX);
        filter::add(&mut environment, language);
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| {
            let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1);
            let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            Diagnostic::error("E195", origin.at(line, 1), format!("the template can't be read: {what}"))
        })?;
        Ok(Self { source: source.into(), origin, environment, bytes: bounds.bytes })
    }

    fn write(&self, scene: &Scene, language: Language) -> Result<Name, String> {
        let template = self.environment.get_template(NAME).map_err(|error| error.to_string())?;
        let written = template.render(view::root(scene, language)).map_err(|error| self.wrong(&error))?;
        if written.len() > self.bytes {
            return Err(format!("the text has {} bytes, more than {}", written.len(), self.bytes));
        }
        Ok(written.trim_end().into())
    }

    fn wrong(&self, error: &minijinja::Error) -> String {
        let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1);
        let place = self.origin.at(line, 1);
        let kind = error.kind();
        let what = match error.detail() {
            _ if matches!(kind, ErrorKind::OutOfFuel) => "writing it takes too long".to_owned(),
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        };
        format!("{}:{}: {what}", place.file, place.line)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("source", &self.source).field("origin", &self.origin).finish_non_exhaustive()
    }
}
