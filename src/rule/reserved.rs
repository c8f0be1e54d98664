//! Names that can't be fields: Rhai's own words, and the names that expressions own.

/// Names that expressions own.
const OWNED: [&str; 19] = [
    "line",
    "input",
    "actor",
    "setting",
    "parent",
    "children",
    "tasks",
    "entered",
    "resource",
    "calendar",
    "today",
    "now",
    "stage",
    "number",
    "history",
    "table",
    "tasks_done",
    "rows",
    "opened_at",
];

/// Words that Rhai uses or keeps for itself.
const WORDS: [&str; 72] = [
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "each",
    "else",
    "eval",
    "exit",
    "export",
    "exports",
    "false",
    "fn",
    "for",
    "function",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "include",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "opened_by",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "then",
    "this",
    "thread",
    "throw",
    "to",
    "true",
    "try",
    "type",
    "type_of",
    "undefined",
    "unless",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether a field, setting, stage or parameter can't have this name, because an expression could not say it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    OWNED.contains(&name) || WORDS.contains(&name) || name == "Fn"
}

#[cfg(test)]
mod tests {
    use rhai::{Engine, Token};

    use super::*;

    #[test]
    fn every_word_that_rhai_keeps_is_reserved() {
        let words = [
            "case",
            "default",
            "with",
            "new",
            "package",
            "return",
            "is",
            "go",
            "call",
            "match",
            "use",
            "module",
            "var",
            "static",
            "shared",
            "goto",
            "exit",
            "unless",
            "sync",
            "spawn",
            "thread",
            "async",
            "await",
            "yield",
            "super",
            "type",
            "null",
            "void",
            "public",
            "protected",
            "each",
            "then",
            "let",
            "if",
            "switch",
            "fn",
            "private",
        ];
        for word in words {
            assert!(is_reserved(word), "{word}");
        }
        assert!(!is_reserved("amount") && !is_reserved("lines"));
    }

    #[test]
    fn what_is_not_reserved_can_be_a_variable() {
        let engine = Engine::new_raw();
        for word in ["state", "amount", "kind", "rep", "source", "lines", "version", "on", "from", "do_it"] {
            assert!(!is_reserved(word), "{word}");
            assert!(engine.compile(format!("let {word} = 1; {word}")).is_ok(), "{word}");
            assert!(Token::lookup_symbol_from_syntax(word).is_none(), "{word}");
        }
    }
}
