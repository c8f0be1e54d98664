//! Messages: their templates, and to whom an action sends them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Notify;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::field::{Kind, Schema};
use crate::message::{Address, Message, Names, Origin, Speaks, Text, To};
use crate::model::{Channel, Language, Name};
use crate::workflow::source::{Code, MessageSource, NotifySource, WordsSource};
use crate::workflow::walk::{At, Node, Scalar, Spot, What};

use super::given::computed;
use super::names::unknown;
use super::set::readable;
use super::sources::Sources;
use super::workflow::Compiler;

/// The messages of a set; `None` for one that is broken.
pub(super) type Messages = BTreeMap<Name, Option<Arc<Message>>>;

/// Compiles the messages of a set: all of them that does not depend on who sends them.
pub(super) fn messages(sources: &Sources, found: &mut Vec<Diagnostic>) -> Messages {
    let messages = sources.letters.iter().map(|(name, source)| {
        let message = source.as_ref().and_then(|source| message(source, found));
        (Name::clone(name), message.map(Arc::new))
    });
    messages.collect()
}

fn message(source: &MessageSource, found: &mut Vec<Diagnostic>) -> Option<Message> {
    let before = found.len();
    let channels: Vec<Channel> = source.channels.iter().filter_map(|name| channel(name, found)).collect();
    let subject = text(source.subject.as_ref(), false, found);
    let body = text(source.body.as_ref(), false, found);
    let html = text(source.html.as_ref(), true, found);
    if found.len() > before || source.body.is_none() || channels.is_empty() {
        return None;
    }
    Some(Message {
        name: Name::clone(&source.name),
        title: source.title.as_ref().map_or_else(|| readable(&source.name), |title| title.value.clone()),
        channels,
        subject,
        body,
        html,
        once: source.once,
        place: source.file.place.clone(),
    })
}

fn channel(name: &At<Name>, found: &mut Vec<Diagnostic>) -> Option<Channel> {
    let channel = Channel::named(&name.value);
    if channel.is_none() {
        found.push(unknown("E198", "channel", name, Channel::ALL.map(Channel::name)));
    }
    channel
}

fn text(source: Option<&WordsSource>, html: bool, found: &mut Vec<Diagnostic>) -> Text {
    let Some(source) = source else { return Text::default() };
    let one = |written: &Option<(Scalar, Spot)>| {
        written.as_ref().map(|(scalar, spot)| {
            let one_line = spot.length > 1 && scalar.text.contains('\n');
            (Name::clone(&scalar.text), Origin { place: scalar.inside.clone(), one_line })
        })
    };
    let (zh, en) = (one(&source.zh), one(&source.en));
    let compiled = Text::compile(
        zh.as_ref().map(|(text, origin)| (&**text, origin.clone())),
        en.as_ref().map(|(text, origin)| (&**text, origin.clone())),
        html,
    );
    compiled.unwrap_or_else(|mistakes| {
        found.extend(mistakes);
        Text::default()
    })
}

impl Compiler<'_> {
    /// Compiles the action `notify`.
    pub(super) fn notify(&mut self, source: &NotifySource) -> Option<Notify> {
        self.used.messages.insert(Name::clone(&source.message.value));
        let (with, schema) = self.parameters(&source.with);
        let shared = self.shared;
        let Some(message) = shared.letters.get(&source.message.value) else {
            let error = unknown("E194", "message", &source.message, shared.letters.keys().map(|name| &**name));
            self.found.push(match error.help {
                Some(_) => error,
                None => error.help(format!("write it as `workflows/messages/{}.yaml`", source.message.value)),
            });
            return None;
        };
        let written = shared.sources.letters.get(&source.message.value)?.as_ref()?;
        let message = Arc::clone(message.as_ref()?);
        self.named_in(written, &message, schema);
        let nodes = if source.to.is_empty() { &written.to } else { &source.to };
        if nodes.is_empty() {
            let error = source.message.spot.error("E199", format!("nobody would get `{}`", message.name));
            self.found.push(error.help("say whom it is for with `to`, here or in its file"));
            return None;
        }
        let to: Vec<To> = nodes.iter().filter_map(|node| self.recipient(node, &message)).collect();
        if to.len() < nodes.len() {
            return None;
        }
        self.channels(written, &to);
        let language = written.language.as_ref().and_then(|node| self.language(node));
        let once = source.once.unwrap_or(message.once);
        Some(Notify { message, to, language, once, with })
    }

    /// Checks what the templates name, unless something it leans on is broken already.
    fn named_in(&mut self, written: &MessageSource, message: &Message, with: Schema) {
        for words in [&written.subject, &written.body, &written.html].into_iter().flatten() {
            let texts = [&words.zh, &words.en].into_iter().flatten();
            for (scalar, _) in texts {
                self.used.words.extend(super::words::words(&scalar.text).into_iter().map(|word| word.name.into()));
            }
        }
        if !self.broken.is_empty() {
            return;
        }
        let names = Names {
            schema: Arc::clone(&self.environment.schema),
            settings: Arc::clone(&self.environment.settings),
            with: Arc::new(with),
            document: None,
            documents: self.issuable(),
            tables: Arc::clone(&self.environment.tables),
            kin: Arc::clone(&self.environment.kin),
            tasks: Arc::clone(&self.environment.tasks),
        };
        self.found.extend(message.check_use(&names));
    }

    /// A role, a field, a column (`customer.email`), or an expression behind `=`.
    fn recipient(&mut self, node: &Node, message: &Message) -> Option<To> {
        let What::Scalar(scalar) = &node.what else {
            if !matches!(node.what, What::Broken) {
                let error = node.spot.error("E022", "`to` is a role, a field, `reference.column` or an expression");
                self.found.push(error);
            }
            return None;
        };
        let name = At { value: Name::clone(&scalar.text), spot: node.spot.clone() };
        if self.shared.roles.contains_key(&name.value) {
            let role = self.role(&name)?;
            return Some(To::Role(role));
        }
        let code = match computed(scalar, node) {
            Some(code) => code,
            None if self.is_path(&name.value) => Code::of(scalar, &node.spot, 0),
            None => {
                self.nobody(&name);
                return None;
            }
        };
        let address = self.address(&code)?;
        let expression = self.expression(&code, None)?;
        if !message.channels.iter().any(|channel| address.reached(*channel)) {
            let channels: Vec<&str> = message.channels.iter().map(|channel| channel.name()).collect();
            let error = format!("no channel of `{}` ({}) reaches `{}`", message.name, channels.join(", "), code.text);
            self.found.push(node.spot.error("E199", error));
            return None;
        }
        Some(To::Value(expression, address))
    }

    fn is_path(&self, text: &str) -> bool {
        let first = text.split('.').next().unwrap_or_default();
        text.contains('.') || self.environment.schema.get(first).is_some()
    }

    fn nobody(&mut self, name: &At<Name>) {
        if self.shared.sources.roles_broken {
            return;
        }
        let roles = self.shared.roles.keys().map(|role| &**role);
        let fields = self.environment.schema.fields.keys().map(|field| &**field);
        let near = did_you_mean(&name.value, roles.chain(fields)).map(|near| format!("did you mean `{near}`?"));
        let error = name.spot.error("E102", format!("there is no role or field `{}`", name.value));
        self.found.push(error.help(
            near.unwrap_or_else(|| {
                "name a role, a field, `reference.column`, or write `=` and an expression".to_owned()
            }),
        ));
    }

    /// What the value of a path or expression is; it must be able to name somebody.
    fn address(&mut self, code: &Code) -> Option<Address> {
        let Some(kind) = self.kind_of(&code.text) else { return Some(Address::Unknown) };
        match kind {
            Kind::User { .. } => Some(Address::User),
            Kind::Email => Some(Address::Email),
            Kind::Phone => Some(Address::Phone),
            Kind::Text => Some(Address::Unknown),
            Kind::Integer(_)
            | Kind::Decimal(_)
            | Kind::Money(_)
            | Kind::Percent(_)
            | Kind::Boolean
            | Kind::Date
            | Kind::Datetime
            | Kind::Duration
            | Kind::Choice(_)
            | Kind::Reference { .. }
            | Kind::Attachment
            | Kind::Map
            | Kind::List(_) => {
                let error = code.spot.error("E131", format!("`{}` holds no person and no address", code.text));
                self.found.push(error.help("name a role, or a field or column of the type `user`, `email` or `phone`"));
                None
            }
        }
    }

    /// What a path holds: a field, also of the parent, or a column of the table that it refers to.
    fn kind_of(&self, path: &str) -> Option<Kind> {
        let (schema, path) = match (path.strip_prefix("parent."), &self.environment.kin.parent) {
            (Some(path), Some(parent)) => (&parent.schema, path),
            (_, _) => (&self.environment.schema, path),
        };
        let mut parts = path.split('.');
        let mut kind = schema.get(parts.next()?)?.kind.clone();
        for part in parts {
            let Kind::Reference { table } = kind else { return None };
            kind = self.environment.tables.get(&table)?.columns.get(part)?.kind.clone();
        }
        Some(kind)
    }

    /// A channel that reaches none of the recipients is a mistake.
    fn channels(&mut self, written: &MessageSource, to: &[To]) {
        for name in &written.channels {
            let Some(channel) = Channel::named(&name.value) else { continue };
            let reaches = to.iter().any(|to| match to {
                To::Role(_) => true,
                To::Value(_, address) => address.reached(channel),
            });
            if !reaches {
                let error = format!("`{}` reaches nobody whom `{}` is for", name.value, written.name);
                self.found.push(name.spot.error("E199", error));
            }
        }
    }

    fn language(&mut self, node: &Node) -> Option<Speaks> {
        let What::Scalar(scalar) = &node.what else {
            self.found.push(node.spot.error("E022", "`language` is `zh`, `en`, a path or an expression"));
            return None;
        };
        match &*scalar.text {
            "zh" => return Some(Speaks::Always(Language::Zh)),
            "en" => return Some(Speaks::Always(Language::En)),
            _ => {}
        }
        let code = computed(scalar, node).unwrap_or_else(|| Code::of(scalar, &node.spot, 0));
        self.expression(&code, None).map(Speaks::Value)
    }
}
