//! A parsed script with the statements of its functions, which Rhai shows only while it walks over them.

use rhai::{AST, ASTNode, ImmutableString, Module, Position, ScriptFuncDef, Shared, Stmt};

/// A parsed script.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What runs.
    pub(super) ast: AST,
    /// Its functions, closures too, in the order of their names.
    pub(super) functions: Vec<Function>,
}

/// A function of a script.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name; that of a closure is made up.
    pub(super) name: ImmutableString,
    /// The names of its parameters; those that a closure takes from outside come first.
    pub(super) parameters: Vec<ImmutableString>,
    /// Where its body begins.
    pub(super) position: Position,
    /// Its statements.
    pub(super) body: Vec<Stmt>,
}

impl Function {
    /// Whether it is a closure.
    pub(super) fn is_closure(&self) -> bool {
        self.name.starts_with("anon$")
    }
}

impl Parsed {
    /// Takes a script apart.
    pub(super) fn new(ast: AST) -> Self {
        let function = |defined: &Shared<ScriptFuncDef>| Function {
            name: defined.name.clone(),
            parameters: defined.params.iter().cloned().collect(),
            position: defined.body.start_position(),
            body: body(defined),
        };
        let mut functions: Vec<Function> = ast.iter_fn_def().map(function).collect();
        functions.sort_by(|one, two| (&one.name, one.parameters.len()).cmp(&(&two.name, two.parameters.len())));
        Self { ast, functions }
    }

    /// The function called `name` that takes `arity` parameters.
    pub(super) fn function(&self, name: &str, arity: usize) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name && function.parameters.len() == arity)
    }

    /// How many parameters the functions called `name` take.
    pub(super) fn arities(&self, name: &str) -> Vec<usize> {
        let named = self.functions.iter().filter(|function| function.name == name);
        named.map(|function| function.parameters.len()).collect()
    }
}

/// Rhai does not name the type of a function's body, so a script of this function alone is walked over.
fn body(function: &Shared<ScriptFuncDef>) -> Vec<Stmt> {
    let mut module = Module::new();
    module.set_script_fn(Shared::clone(function));
    let mut statements = Vec::new();
    AST::new([], module).walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}
