//! The sandbox: the one Rhai engine, with everything switched off that could hurt.
//!
//! INVARIANT: no file, clock, network, environment or randomness; no `eval`, no `sleep`; nothing that swallows a
//! missing value (`switch`, `try`); no optimizer, which would bake one case's values into the script.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, RwLock};

use rhai::packages::{BasicIteratorPackage, Package};
use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Module, ModuleResolver, OptimizationLevel, Position, Shared};

use crate::model::Name;
use crate::model::limit::{
    RULE_CALL_LEVELS_MAX, RULE_ELEMENTS_MAX, RULE_EXPRESSION_DEPTH_MAX, RULE_FUNCTION_EXPRESSION_DEPTH_MAX,
    RULE_FUNCTIONS_MAX, RULE_LOAD_OPERATIONS_MAX, RULE_MODULES_MAX, RULE_STRING_BYTES_MAX, RULE_VARIABLES_MAX,
};

use super::fault::Fault;
use super::host::{Date, Entered, List, Moment, Person, Row, Supplies, Tasks, Texts, WorkCalendar, elements, text};
use super::{function, operator, run};

/// What a script can't write, and why.
pub(super) const DISABLED: [(&str, &str); 16] = [
    ("eval", "a script does not make scripts"),
    ("switch", "a missing value would fall into its last arm unseen; write `if ... else if ...`"),
    ("try", "an error would be swallowed; a rule that can't be judged refuses"),
    ("catch", "an error would be swallowed; a rule that can't be judged refuses"),
    ("Fn", "a function is called by its name"),
    ("call", "a function is called by its name"),
    ("curry", "a function is called by its name"),
    ("is_def_var", "names are checked when the file is loaded"),
    ("is_def_fn", "names are checked when the file is loaded"),
    ("this", "a function works on its parameters"),
    ("**", "write a product"),
    ("<<", "write a product"),
    (">>", "write a quotient"),
    ("**=", "write a product"),
    ("<<=", "write a product"),
    (">>=", "write a quotient"),
];

static OPERATORS: LazyLock<Shared<Module>> = LazyLock::new(|| operator::module().into());
static FUNCTIONS: LazyLock<Shared<Module>> = LazyLock::new(|| function::module().into());

/// The modules of `rules/lib` that have been compiled, by name.
#[derive(Clone, Default)]
pub(super) struct Modules(Arc<RwLock<BTreeMap<Name, Shared<Module>>>>);

impl Modules {
    /// Adds a module.
    pub(super) fn insert(&self, name: Name, module: Module) {
        if let Ok(mut modules) = self.0.write() {
            modules.insert(name, module.into());
        }
    }
}

impl ModuleResolver for Modules {
    fn resolve(
        &self,
        _: &Engine,
        _: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let found = self.0.read().ok().and_then(|modules| modules.get(path).cloned());
        found.ok_or_else(|| EvalAltResult::ErrorModuleNotFound(path.to_owned(), position).into())
    }
}

/// Whether a module may have this name: it can't be a path.
pub(super) fn is_module_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_')
}

/// A new engine that resolves `modules`.
pub(super) fn engine(modules: Modules) -> Engine {
    let mut engine = Engine::new_raw();
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    engine.register_global_module(Shared::clone(&FUNCTIONS)).register_global_module(Shared::clone(&OPERATORS));
    function::access(&mut engine);
    engine
        .set_module_resolver(modules)
        .set_optimization_level(OptimizationLevel::None)
        .set_fast_operators(false)
        .set_fail_on_invalid_map_property(true)
        .set_allow_shadowing(true)
        .set_max_call_levels(RULE_CALL_LEVELS_MAX)
        .set_max_expr_depths(RULE_EXPRESSION_DEPTH_MAX, RULE_FUNCTION_EXPRESSION_DEPTH_MAX)
        .set_max_string_size(RULE_STRING_BYTES_MAX)
        .set_max_array_size(RULE_ELEMENTS_MAX)
        .set_max_map_size(RULE_ELEMENTS_MAX)
        .set_max_variables(RULE_VARIABLES_MAX)
        .set_max_functions(RULE_FUNCTIONS_MAX)
        .set_max_modules(RULE_MODULES_MAX)
        // A run has its own, smaller budget; this one binds the constants of modules while they are loaded.
        .set_max_operations(RULE_LOAD_OPERATIONS_MAX)
        .on_progress(run::progress)
        .on_print(|_| {})
        .on_debug(|_, _, _| {});
    for (symbol, _) in DISABLED {
        engine.disable_symbol(symbol);
    }
    #[expect(deprecated, reason = "marked so by its author to say that it may change; the version is pinned")]
    engine.on_var(|name, index, context| variable(name, index, &context));
    engine
}

/// Gives the names that expressions own, and looks whether a variable has outgrown its limit.
fn variable(name: &str, index: usize, context: &EvalContext<'_, '_, '_, '_, '_, '_>) -> Answer {
    let local = context.scope().get(name);
    if let Some(value) = local {
        if let Some(copy) = shared(value) {
            return Ok(Some(copy));
        }
        // Rhai does not measure a map that grows by assignment to its keys.
        if elements(value, RULE_ELEMENTS_MAX) > RULE_ELEMENTS_MAX {
            return Err(Fault::budget(format!("`{name}` has more than {RULE_ELEMENTS_MAX} elements")).into());
        }
    }
    if index > 0 || local.is_some() {
        return Ok(None);
    }
    let (owned, fields) = run::see(|run| {
        let fields = run.bare.then(|| Row::case(&run.facts.fields, &run.facts.schema));
        Ok((owned(name, run), fields))
    })?;
    match (owned, fields) {
        (Some(value), _) => Ok(Some(value)),
        (None, Some(fields)) => Ok(Some(fields.get(name)?)),
        (None, None) => Ok(None),
    }
}

/// A record or list that a closure reads from outside. Rhai would lock it while one of its methods runs, so that
/// the closure could not read it; it can't change, so a copy (a few pointers) does as well.
fn shared(value: &Dynamic) -> Option<Dynamic> {
    if !value.is_shared() {
        return None;
    }
    let row = value.read_lock::<Row>().map(|row| Dynamic::from(row.clone()));
    let list = || value.read_lock::<List>().map(|list| Dynamic::from(list.clone()));
    row.or_else(list).or_else(|| value.read_lock::<Texts>().map(|texts| Dynamic::from(texts.clone())))
}

type Answer = Result<Option<Dynamic>, Box<EvalAltResult>>;

/// The value of a name that expressions own, or of a field.
fn owned(name: &str, run: &run::Run) -> Option<Dynamic> {
    let facts = &run.facts;
    Some(match name {
        "today" => Dynamic::from(Date(facts.now.day(facts.zone))),
        "now" => Dynamic::from(Moment(facts.now)),
        "stage" => text(&facts.stage),
        "number" => text(&facts.number),
        "opened_at" => Dynamic::from(Moment(facts.opened_at)),
        "opened_by" => text(&facts.opened_by),
        "actor" => Dynamic::from(Person),
        "setting" => Dynamic::from(Row::plain(&facts.settings, Some(&facts.setting_schema))),
        "input" => Dynamic::from(Row::plain(&facts.input, Some(&facts.schema))),
        "tasks" => Dynamic::from(Tasks(Arc::clone(&facts.tasks))),
        "tasks_done" => Dynamic::from(facts.tasks.all_done),
        "rows" => {
            let (record, schema) = facts.tasks.present.as_ref()?;
            Row::plain(record, Some(schema)).get("rows").ok()?
        }
        "entered" => Dynamic::from(Entered(Arc::clone(&facts.entered))),
        "parent" => super::kin::parent(run),
        "children" => Dynamic::from(super::kin::Children),
        "resource" => Dynamic::from(Supplies),
        "calendar" => Dynamic::from(WorkCalendar(Arc::clone(facts.calendar.as_ref()?))),
        "line" if run.bare => {
            let (list, position) = run.line.as_ref()?;
            Dynamic::from(Row::case(&facts.fields, &facts.schema).row_of(list, *position)?)
        }
        _ => return None,
    })
}
