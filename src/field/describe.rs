//! How fields describe themselves: JSON Schema.

use serde_json::{Map, Value as Json, json};

use crate::model::Language;

use super::{Bounds, Field, Items, Kind, ListKind, Required, Schema};

/// The JSON Schema (2020-12) of an object with these fields. Computed fields are left out: nobody writes them.
#[must_use]
pub fn json_schema(fields: &Schema, language: Language) -> Json {
    let written: Vec<&Field> = fields.fields.values().filter(|field| !field.computed).collect();
    let properties: Map<String, Json> =
        written.iter().map(|field| (field.name.to_string(), field_schema(field, language))).collect();
    let required: Vec<&str> =
        written.iter().filter(|field| field.required == Required::Always).map(|field| &*field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The JSON Schema of one field, with its title.
pub(crate) fn field_schema(field: &Field, language: Language) -> Json {
    let mut schema = kind_schema(&field.kind, language);
    if let (Some(schema), false) = (schema.as_object_mut(), field.title.is_empty()) {
        schema.insert("title".to_owned(), Json::from(field.title.text(language)));
    }
    schema
}

fn kind_schema(kind: &Kind, language: Language) -> Json {
    match kind {
        Kind::Text => json!({ "type": "string", "maxLength": crate::model::limit::TEXT_CHARS_MAX }),
        Kind::Integer(bounds) => bounded(json!({ "type": "integer" }), *bounds),
        Kind::Decimal(bounds) | Kind::Money(bounds) | Kind::Percent(bounds) => {
            bounded(json!({ "type": ["string", "number"], "format": "decimal" }), *bounds)
        }
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Datetime => json!({ "type": "string", "format": "date-time" }),
        Kind::Duration => {
            json!({ "type": ["integer", "string"], "description": "seconds, or a span such as 90m, 24h, 2d" })
        }
        Kind::Choice(of) => {
            let names: Vec<&str> = of.keys().map(|name| &**name).collect();
            let titles: Vec<&str> = of.values().map(|title| title.text(language)).collect();
            json!({ "type": "string", "enum": names, "x-titles": titles })
        }
        Kind::Reference { table } => json!({ "type": "string", "x-table": &**table }),
        Kind::User { role } => json!({ "type": "string", "format": "user", "x-role": role.as_deref() }),
        Kind::Phone => json!({ "type": "string", "format": "phone" }),
        Kind::Email => json!({ "type": "string", "format": "email" }),
        Kind::Attachment => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        Kind::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::List(list) => list_schema(list, language),
    }
}

fn list_schema(list: &ListKind, language: Language) -> Json {
    let items = match &list.of {
        Items::Rows(rows) => json_schema(rows, language),
        Items::Plain(kind) => kind_schema(kind, language),
    };
    json!({ "type": "array", "items": items, "minItems": list.min, "maxItems": list.max })
}

fn bounded(mut schema: Json, bounds: Bounds) -> Json {
    if let Some(schema) = schema.as_object_mut() {
        for (word, bound) in [("minimum", bounds.min), ("maximum", bounds.max)] {
            if let Some(number) = bound.and_then(|bound| serde_json::from_str::<Json>(&bound.to_string()).ok()) {
                schema.insert(word.to_owned(), number);
            }
        }
    }
    schema
}
