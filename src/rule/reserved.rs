//! Names that can't be fields: Rhai's own words, and the names that expressions own.

/// Names that expressions own.
const OWNED: [&str; 20] = [
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
    "opened_by",
];

/// Words that Rhai uses or keeps for itself.
const WORDS: [&str; 62] = [
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
    "else",
    "eval",
    "export",
    "false",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
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
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "Fn",
];

/// Whether a field, setting, stage or parameter can't have this name, because an expression could not say it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    OWNED.contains(&name) || WORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::super::sandbox;
    use super::*;

    /// Whether a script can use `word` as a variable and as a property.
    fn usable(word: &str) -> bool {
        sandbox::engine(sandbox::Modules::default()).compile(format!("let {word} = 1; {word} + x.{word}")).is_ok()
    }

    #[test]
    fn every_word_of_the_list_is_one_that_a_script_can_not_use() {
        for word in WORDS.iter().filter(|word| **word != "global") {
            assert!(!usable(word), "{word}");
        }
    }

    #[test]
    fn every_word_that_a_script_can_not_use_is_reserved() {
        let words = "abstract and any array assert auto base begin bool boolean byte case char class code const count \
            create date def default define delete do done double each edit else elseif elsif end enum error event exit \
            explicit export extends external false fail field file final finally float foreach form friend from func \
            function get go goto group has if implements implicit import include index inner input instanceof int \
            integer interface internal into is it item key kind lambda len let list lock long loop macro main make map \
            match max method min mod module move mut name namespace native new next nil none not note null number object \
            of on open operator or order out override own package pass price print private prop property protected pub \
            public raise range read ref register require result return row self sealed select set shared short show \
            signed sizeof source spawn state static status step stop string struct sum super switch sync table task \
            template test text then thread throw throws time title to total trait true try type typedef typeof undef \
            union unit unless unsafe until use using user val value var view virtual void volatile warn when where while \
            with write xor yield async await as eval call curry this Fn type_of is_def_var is_def_fn is_shared debug";
        for word in words.split_whitespace() {
            assert!(usable(word) || is_reserved(word), "{word}");
        }
    }

    #[test]
    fn common_names_are_free() {
        for word in ["state", "amount", "kind", "source", "lines", "version", "on", "from", "type", "to", "title"] {
            assert!(!is_reserved(word), "{word}");
        }
    }
}
