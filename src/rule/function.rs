//! The functions that scripts can call. All are pure and total: the same arguments give the same answer, or a
//! fault.

mod calendar;
mod host_access;
mod list;
mod made;
mod number;
mod report;
mod resource;
mod text;
mod time;

use rhai::{Dynamic, EvalAltResult, FuncRegistration, Module, RhaiNativeFunc, Variant};

use super::fault::{Fault, MISMATCH};

pub(super) use host_access::access;
pub(super) use report::finding;

/// What a function gives to Rhai.
type Answer<T> = Result<T, Box<EvalAltResult>>;

/// The module of all functions.
pub(super) fn module() -> Module {
    let mut module = Module::new();
    list::add_all(&mut module);
    made::add_all(&mut module);
    number::add(&mut module);
    text::add(&mut module);
    time::add(&mut module);
    report::add(&mut module);
    host_access::add(&mut module);
    resource::add_all(&mut module);
    calendar::add(&mut module);
    module
}

/// Adds one function.
fn add<A: 'static, const N: usize, const X: bool, R: Variant + Clone, const F: bool>(
    module: &mut Module,
    name: &str,
    function: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
) {
    FuncRegistration::new(name).in_global_namespace().set_into_module(module, function);
}

/// A value as people read it: a text without quotes, anything else as in JSON.
fn unquoted(value: &crate::model::Value) -> String {
    let json = value.to_json();
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// A condition: a boolean and nothing else.
fn truth(value: &Dynamic) -> Result<bool, Fault> {
    if value.is_unit() {
        return Err(Fault::missing("a condition"));
    }
    value.as_bool().map_err(|_| {
        Fault::new(MISMATCH, format!("a condition is a boolean, and this is {}", super::operator::type_name(value)))
    })
}
