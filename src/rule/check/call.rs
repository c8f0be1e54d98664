//! Calls: Rhai looks a function up when it is called; here it is looked up when the file is loaded.

use rhai::{Expr, FnCallExpr, Position, Stmt};

use super::super::load::near;
use super::super::operator::Op;
use super::super::shape::{RowKind, Shape, Typed};
use super::{Checker, Local, Script};
use crate::field::{Items, Kind};
use crate::model::Name;

/// Functions that take missing values: they ask for them, or keep them.
const TAKES_MISSING: [&str; 6] = ["is_set", "push", "insert", "fail", "warn", "note"];
/// Methods that change what they are called on.
const CHANGES: [&str; 5] = ["push", "pop", "insert", "remove", "clear"];

impl<'a> Checker<'a> {
    /// A call as a statement; `fail`, `warn` and `note` are such.
    pub(super) fn call_statement(&mut self, call: &'a FnCallExpr, position: Position) -> Typed {
        if call.is_operator_call() {
            for argument in call.args.iter() {
                let typed = self.infer(argument);
                self.needs(&typed, argument.start_position());
            }
            return Typed::set(Shape::Any);
        }
        self.call(call, position)
    }

    /// `f(x)` and `module::f(x)`.
    pub(super) fn call(&mut self, call: &'a FnCallExpr, position: Position) -> Typed {
        if !call.namespace.is_empty() {
            return self.module_call(call, position);
        }
        if let Some(function) = self.script.parsed.function(&call.name, call.args.len()) {
            let arguments = self.arguments(&call.args);
            return self.enter(function, arguments);
        }
        let arities = self.script.parsed.arities(&call.name);
        if arities.is_empty() || self.library.takes(&call.name, call.args.len()) {
            return self.native(&call.name, None, &call.args, position);
        }
        self.wrong_count(&call.name, &arities, call.args.len(), position);
        Typed::maybe(Shape::Any)
    }

    /// `x.f(y)`.
    pub(super) fn method(&mut self, base: Typed, call: &'a FnCallExpr, position: Position) -> Typed {
        if !self.script.parsed.arities(&call.name).is_empty() && !self.library.takes(&call.name, call.args.len() + 1) {
            let message = format!("`{}` is a function of this script", call.name);
            let help = Some(format!("write `{}(...)`", call.name));
            self.error("E209", position, call.name.chars().count(), message, help);
        }
        let captured = |local: &&Local| base.path.as_ref().is_some_and(|path| local.name == path.as_str());
        let captured = self.locals.iter().rev().find(captured).is_some_and(|local| local.captured);
        if captured && CHANGES.contains(&call.name.as_str()) {
            self.captured(base.path.as_deref().unwrap_or_default(), position);
        }
        self.native(&call.name, Some(base), &call.args, position)
    }

    /// What a closure reads from outside it can't change.
    pub(super) fn no_capture(&mut self, target: &Expr) {
        let mut root = target;
        while let Expr::Dot(pair, ..) | Expr::Index(pair, ..) = root {
            root = &pair.lhs;
        }
        let Expr::Variable(names, ..) = root else { return };
        let local = self.locals.iter().rev().find(|local| local.name == names.1);
        if local.is_some_and(|local| local.captured) {
            self.captured(&names.1, target.start_position());
        }
    }

    fn captured(&mut self, name: &str, position: Position) {
        let message = format!("a closure can't change `{name}`");
        let help = "write a `for` loop".to_owned();
        self.error("E209", position, name.chars().count(), message, Some(help));
    }

    fn arguments(&mut self, arguments: &'a [Expr]) -> Vec<Typed> {
        let infer = |argument: &'a Expr| {
            let typed = self.infer(argument);
            let optional = (typed.optional && !self.is_guarded(&typed)) || matches!(typed.shape, Shape::Missing);
            Typed { optional, ..typed }
        };
        arguments.iter().map(infer).collect()
    }

    /// A function of a module of `rules/lib`: its body is checked as it is called.
    fn module_call(&mut self, call: &'a FnCallExpr, position: Position) -> Typed {
        let alias = call.namespace.root().to_owned();
        let arguments = self.arguments(&call.args);
        let library = self.library;
        let found = self.script.imports.get(&alias).and_then(|module| library.modules.get(module.as_str()));
        let Some(parsed) = found else {
            if !self.script.imports.contains_key(&alias) {
                let help = near(&alias, self.script.imports.keys().map(String::as_str))
                    .or_else(|| Some(format!("write `import \"{alias}\" as {alias};` at the top")));
                let message = format!("there is no module `{alias}` here");
                self.error("E211", call.namespace.position(), alias.chars().count(), message, help);
            }
            return Typed::maybe(Shape::Any);
        };
        let origin = super::super::fault::Origin::file(parsed.ast.source().unwrap_or_default());
        let module = Script::new(parsed, origin);
        let Some(function) = module.parsed.function(&call.name, call.args.len()) else {
            let arities = module.parsed.arities(&call.name);
            if arities.is_empty() {
                let names: Vec<String> = parsed.functions.iter().map(|function| function.name.to_string()).collect();
                let help = near(&call.name, names.iter().map(String::as_str));
                let message = format!("module `{alias}` has no function `{}`", call.name);
                self.error("E205", position, call.name.chars().count(), message, help);
            } else {
                self.wrong_count(&call.name, &arities, call.args.len(), position);
            }
            return Typed::maybe(Shape::Any);
        };
        let caller = std::mem::replace(&mut self.script, module);
        let bare = std::mem::replace(&mut self.bare, false);
        let given = self.enter(function, arguments);
        self.script = caller;
        self.bare = bare;
        given
    }

    /// A function of the language. `receiver` is what stands before the dot.
    fn native(&mut self, name: &str, receiver: Option<Typed>, arguments: &'a [Expr], position: Position) -> Typed {
        let count = arguments.len() + usize::from(receiver.is_some());
        let known = self.library.arities(name);
        if known.is_empty() {
            let help = near(name, self.library.functions());
            let message = format!("there is no function `{name}`");
            self.error("E205", position, name.chars().count(), message, help);
        } else if !known.contains(&count) {
            self.wrong_count(name, &known, count, position);
        }
        let mut values: Vec<Typed> = receiver.into_iter().collect();
        let mut places = vec![position; values.len()];
        let mut closure = None;
        let mut closures = Vec::new();
        for argument in arguments {
            let item = values.first().and_then(|list| list.shape.item()).unwrap_or(Shape::Any);
            match self.closure(argument, item) {
                Some(given) => {
                    closure = Some(given);
                    closures.push(values.len());
                }
                None => {
                    values.push(self.infer(argument));
                    places.push(argument.start_position());
                }
            }
        }
        if !TAKES_MISSING.contains(&name) {
            for (value, position) in values.iter().zip(places) {
                self.needs(value, position);
            }
        }
        let mut given_arguments: Vec<Option<&Typed>> = values.iter().map(Some).collect();
        for at in closures {
            given_arguments.insert(at, None);
        }
        self.accepted(name, &given_arguments, position);
        self.usable(name, &values, closure.as_ref(), position);
        self.asked_of_resource(name, &values, position);
        let literal = arguments.iter().find_map(|argument| {
            if let Expr::StringConstant(text, at) = argument { Some((text.as_str(), *at)) } else { None }
        });
        if let ("fail" | "warn" | "note", Some(path)) = (name, arguments.get(1)) {
            self.finding_path(path);
        }
        if let ("table", Some((table, at))) = (name, literal) {
            return self.table(table, at);
        }
        if let ("contains", [whole, inside]) = (name, values.as_slice()) {
            let (whole, inside) = (whole.shape.clone(), inside.shape.clone());
            return self.operator(Op::Contains, &whole, &inside, position);
        }
        given(name, &values, closure)
    }

    /// The path of a finding names fields: `lines[${i}].amount`.
    fn finding_path(&mut self, path: &'a Expr) {
        let Some(environment) = self.environment else { return };
        let Some(text) = text_of(path) else { return };
        let mut schema = &environment.schema;
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let name = part.split('[').next().unwrap_or(part);
            if name.contains('\u{0}') {
                return;
            }
            let Some(field) = schema.get(name) else {
                let help = near(name, schema.fields.keys().map(|name| &**name));
                let message = format!("there is no field `{name}`");
                self.error("E204", path.start_position(), text.chars().count() + 2, message, help);
                return;
            };
            let Kind::List(list) = &field.kind else { return };
            let Items::Rows(rows) = &list.of else { return };
            schema = rows;
        }
    }

    /// `table("parties", key)`.
    fn table(&mut self, name: &str, position: Position) -> Typed {
        let Some(environment) = self.environment else { return Typed::maybe(Shape::Any) };
        if let Some((name, table)) = environment.tables.get_key_value(name) {
            return Typed::maybe(Shape::Row(table.columns.clone(), RowKind::Table(Name::clone(name))));
        }
        let near = near(name, environment.tables.keys().map(|name| &**name));
        self.error("E213", position, name.chars().count(), format!("there is no table `{name}`"), near);
        Typed::maybe(Shape::Any)
    }

    /// What a closure gives for an item; `None` when `argument` is no closure.
    fn closure(&mut self, argument: &'a Expr, item: Shape) -> Option<Typed> {
        let (pointer, captured) = closure_parts(argument)?;
        let named = self.script.parsed.functions.iter().find(|function| function.name == pointer.as_str())?;
        let before = self.locals.len();
        let outside: Vec<Local> = named
            .parameters
            .iter()
            .take(captured)
            .map(|name| {
                let known = self.locals.iter().rev().find(|local| local.name == *name);
                let typed = known.map(|local| local.typed.clone());
                let typed = typed.unwrap_or_else(|| self.variable(name, argument.start_position()));
                Local { name: name.clone(), typed, captured: true }
            })
            .collect();
        self.locals.extend(outside);
        let mut shape = Some(item);
        for name in named.parameters.iter().skip(captured) {
            let typed = Typed::set(shape.take().unwrap_or(Shape::Any));
            self.locals.push(Local { name: name.clone(), typed, captured: false });
        }
        let given = self.block(&named.body);
        self.locals.truncate(before);
        Some(given)
    }

    fn wrong_count(&mut self, name: &str, known: &[usize], count: usize, position: Position) {
        let known: Vec<String> = known.iter().map(usize::to_string).collect();
        let message = format!("`{name}` takes {} arguments, and here are {count}", known.join(" or "));
        self.error("E206", position, name.chars().count(), message, None);
    }
}

/// A text with a mark for each part that is not known.
fn text_of(expression: &Expr) -> Option<String> {
    if let Expr::StringConstant(text, _) = expression {
        return Some(text.to_string());
    }
    let Expr::InterpolatedString(parts, _) = expression else { return None };
    Some(parts.iter().map(|part| text_of(part).unwrap_or_else(|| "\u{0}".to_owned())).collect())
}

/// The name of a closure's function, and how many of its parameters it takes from outside.
pub(in super::super) fn closure_parts(argument: &Expr) -> Option<(String, usize)> {
    if let Expr::DynamicConstant(value, _) = argument {
        return value.read_lock::<rhai::FnPtr>().map(|pointer| (pointer.fn_name().to_owned(), 0));
    }
    let Expr::Stmt(block) = argument else { return None };
    let [Stmt::Share(_), Stmt::Expr(curry)] = block.statements() else { return None };
    let Expr::FnCall(call, _) = &**curry else { return None };
    let (name, _) = closure_parts(call.args.first()?)?;
    Some((name, call.args.len() - 1))
}

/// What a function of the language gives.
fn given(name: &str, values: &[Typed], closure: Option<Typed>) -> Typed {
    let first = values.first().map_or(Shape::Any, |value| value.shape.clone());
    let item = || first.item().unwrap_or(Shape::Any);
    let result = closure.as_ref().map_or(Shape::Any, |given| given.shape.clone());
    Typed::set(match name {
        "is_set" | "is_empty" | "all" | "any" | "some" | "none" | "starts_with" | "ends_with" | "has_role" => {
            Shape::Boolean
        }
        "len" | "count" | "round" | "floor" | "ceiling" if values.len() == 1 => Shape::Integer,
        "round" => Shape::Decimal,
        "trim" | "to_upper" | "to_lower" | "sub_string" | "replace" | "to_string" | "join" => Shape::Text,
        "available" | "on_hand" | "held" => Shape::Decimal,
        "covers" => Shape::Boolean,
        "date" => Shape::Date,
        "datetime" => Shape::Datetime,
        "is_working_day" => Shape::Boolean,
        "working_days" => Shape::Integer,
        "days" if values.len() == 3 => Shape::Integer,
        "add_working_days" => Shape::Date,
        "add_working_hours" => Shape::Datetime,
        "days" | "hours" | "minutes" | "seconds" => Shape::Duration,
        "parse_integer" => return Typed::maybe(Shape::Integer),
        "parse_decimal" => return Typed::maybe(Shape::Decimal),
        "keys" | "split" => Shape::Array(Box::new(Shape::Text)),
        "values" if matches!(first, Shape::Texts) => Shape::Array(Box::new(Shape::Text)),
        "get" if matches!(first, Shape::Texts) => return Typed::maybe(Shape::Text),
        "get" => return Typed::maybe(Shape::Any),
        "map" => Shape::List(Box::new(result), Vec::new()),
        "filter" | "sort_by" | "reverse" => Shape::List(Box::new(item()), Vec::new()),
        "find" => return Typed::maybe(item()),
        "first" | "last" => item(),
        "pop" | "remove" => return Typed::maybe(Shape::Any),
        "sum" if closure.is_some() => result,
        "sum" => item(),
        "abs" => first,
        "min" | "max" => match values {
            [one, two] => one.shape.clone().join(&two.shape),
            _ => item(),
        },
        "range" => Shape::Range,
        _ => Shape::Any,
    })
}
