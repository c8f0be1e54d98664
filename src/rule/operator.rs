//! Operators over every pair of types.
//!
//! Rhai's own operators answer `false` when unlike types are compared. Here every operator is registered for
//! every pair of types that a script can hold, so that none of Rhai's is ever reached: a missing value is a
//! `missing_value`, unlike types are a `type_mismatch`, and numbers mix exactly.

mod calculate;
mod equal;

use std::any::TypeId;
use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, FuncRegistration, ImmutableString, Map, Module, RhaiFunc};
use rust_decimal::Decimal;

use super::fault::{Fault, MISMATCH};
use super::host::{Date, Entered, Entrance, List, Moment, Person, Row, Span, Tasks, Texts};

pub(super) use calculate::{Op, calculate};
pub(super) use equal::compare;

/// The operators of two operands, with those that assign.
pub(super) const BINARY: [(&str, Op); 17] = [
    ("==", Op::Equal),
    ("!=", Op::Unequal),
    ("<", Op::Less),
    ("<=", Op::LessOrEqual),
    (">", Op::Greater),
    (">=", Op::GreaterOrEqual),
    ("+", Op::Add),
    ("-", Op::Subtract),
    ("*", Op::Multiply),
    ("/", Op::Divide),
    ("%", Op::Remainder),
    ("contains", Op::Contains),
    ("..", Op::Range),
    ("..=", Op::RangeInclusive),
    ("&", Op::And),
    ("|", Op::Or),
    ("^", Op::Xor),
];
const ASSIGNING: [(&str, Op); 8] = [
    ("+=", Op::Add),
    ("-=", Op::Subtract),
    ("*=", Op::Multiply),
    ("/=", Op::Divide),
    ("%=", Op::Remainder),
    ("&=", Op::And),
    ("|=", Op::Or),
    ("^=", Op::Xor),
];

/// The module of all operators.
pub(super) fn module() -> Module {
    let mut module = Module::new();
    let types = types();
    for (name, op) in BINARY {
        let run =
            Arc::new(move |_: Option<rhai::NativeCallContext<'_>>, operands: &mut [&mut Dynamic]| match operands {
                [left, right] => Ok(calculate(op, left, right)?),
                _ => Err(Fault::script("an operator takes two operands").into()),
            });
        for left in types {
            for right in types {
                let run = RhaiFunc::Method { func: run.clone(), has_context: false, is_pure: true, is_volatile: false };
                module.set_fn_raw_with_options(global(name), [left, right], run);
            }
        }
    }
    assigning(&mut module, &types);
    unary(&mut module, &types);
    module
}

fn assigning(module: &mut Module, types: &[TypeId]) {
    for (name, op) in ASSIGNING {
        let run =
            Arc::new(move |_: Option<rhai::NativeCallContext<'_>>, operands: &mut [&mut Dynamic]| match operands {
                [left, right] => {
                    **left = calculate(op, left, right)?;
                    Ok(Dynamic::UNIT)
                }
                _ => Err(Fault::script("an operator takes two operands").into()),
            });
        for left in types {
            for right in types {
                let run =
                    RhaiFunc::Method { func: run.clone(), has_context: false, is_pure: false, is_volatile: false };
                module.set_fn_raw_with_options(global(name), [*left, *right], run);
            }
        }
    }
}

fn unary(module: &mut Module, types: &[TypeId]) {
    for name in ["-", "+", "!"] {
        let run =
            Arc::new(move |_: Option<rhai::NativeCallContext<'_>>, operands: &mut [&mut Dynamic]| match operands {
                [operand] => Ok(negate(name, operand)?),
                _ => Err(Fault::script("this operator takes one operand").into()),
            });
        for of in types {
            let run = RhaiFunc::Method { func: run.clone(), has_context: false, is_pure: true, is_volatile: false };
            module.set_fn_raw_with_options(global(name), [*of], run);
        }
    }
}

fn global(name: &str) -> FuncRegistration {
    FuncRegistration::new(name).in_global_namespace()
}

fn negate(name: &str, operand: &Dynamic) -> Result<Dynamic, Fault> {
    if operand.is_unit() {
        return Err(Fault::missing(&format!("`{name}`")));
    }
    if let ("!", Ok(flag)) = (name, operand.as_bool()) {
        return Ok(Dynamic::from(!flag));
    }
    if name != "!" {
        let negative = name == "-";
        if let Ok(number) = operand.as_int() {
            let negated = if negative { number.checked_neg() } else { Some(number) };
            return negated.map(Dynamic::from).ok_or_else(|| Fault::script("the number is too large"));
        }
        if let Some(number) = operand.read_lock::<Decimal>() {
            return Ok(Dynamic::from(if negative { -*number } else { *number }));
        }
        if let Some(span) = operand.read_lock::<Span>() {
            return Ok(Dynamic::from(if negative { Span(span.0.saturating_neg()) } else { *span }));
        }
    }
    Err(Fault::new(MISMATCH, format!("`{name}` can't be applied to {}", type_name(operand))))
}

/// Every type that a script can hold.
fn types() -> [TypeId; 22] {
    [
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<i64>(),
        TypeId::of::<char>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<Decimal>(),
        TypeId::of::<Date>(),
        TypeId::of::<Moment>(),
        TypeId::of::<Span>(),
        TypeId::of::<Row>(),
        TypeId::of::<List>(),
        TypeId::of::<Texts>(),
        TypeId::of::<Person>(),
        TypeId::of::<Entered>(),
        TypeId::of::<Entrance>(),
        TypeId::of::<Tasks>(),
        TypeId::of::<Array>(),
        TypeId::of::<Map>(),
        TypeId::of::<FnPtr>(),
        TypeId::of::<std::ops::Range<i64>>(),
        TypeId::of::<std::ops::RangeInclusive<i64>>(),
        TypeId::of::<rhai::Blob>(),
    ]
}

/// What people call the type of a value.
pub(super) fn type_name(value: &Dynamic) -> &'static str {
    const NAMES: [&str; 21] = [
        "a missing value",
        "a boolean",
        "an integer",
        "a letter",
        "a text",
        "a decimal",
        "a date",
        "a datetime",
        "a duration",
        "a record",
        "a list",
        "a map",
        "the actor",
        "`entered`",
        "an entry",
        "an array",
        "an object",
        "a function",
        "a range",
        "a range",
        "bytes",
    ];
    let of = value.type_id();
    types()
        .iter()
        .position(|known| *known == of)
        .and_then(|index| NAMES.get(index))
        .copied()
        .unwrap_or("something else")
}
