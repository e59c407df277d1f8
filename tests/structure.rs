//! Dependencies point one way: between the crates, and between the modules of each crate.
//!
//! The crates may depend on each other only as [`DEPENDENCIES`] says. Within a crate no modules
//! that are declared side by side depend on each other in a circle, at any depth. A module depends
//! on another one if its code names it or anything inside it, as `crate::…`, `super::…` or
//! `self::…`: in a `use`, in a path, or in the arguments of a macro. A name that a module
//! re-exports counts as a name of the module that it comes from. A module and those that are
//! declared inside it may use each other. Tests and everything in `testing` are left out.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, ImplItem, Item, ItemMacro, ItemMod, ItemUse, Macro, Meta, UseTree,
    visit::{self, Visit},
};

/// The crates of this repository that each may depend on, directly, outside of its tests.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("signatures", &["core"]),
    ("oauth", &["core", "signatures"]),
    ("mcp", &["core"]),
    ("auth0", &["core", "oauth", "signatures"]),
    ("upstream", &["core", "mcp"]),
    ("server", &["auth0", "core", "mcp", "oauth", "upstream"]),
    ("spin", &["core", "server"]),
    ("tools", &["spin"]),
];

#[test]
fn crates_depend_on_each_other_as_they_should_and_on_no_others() {
    for (name, expected) in DEPENDENCIES {
        let manifest = fs::read_to_string(crate_folder(name).join("Cargo.toml"));
        let manifest: toml::Table =
            manifest.expect("it can be read").parse().expect("it is a manifest");
        let platforms = manifest.get("target").and_then(toml::Value::as_table);
        let platforms = platforms.into_iter().flatten().filter_map(|(_, it)| it.as_table());
        let found: BTreeSet<&str> = platforms
            .chain([&manifest])
            .filter_map(|table| table.get("dependencies")?.as_table())
            .flat_map(|dependencies| dependencies.keys())
            .filter_map(|dependency| dependency.strip_prefix("doorward-"))
            .collect();
        assert_eq!(found, expected.iter().copied().collect(), "the dependencies of {name}");
    }
}

/// It depends on the generation of `sha2` and `hmac` before the current one.
const LEFT_OUT: &str = "jwt-compact";

#[test]
fn the_component_has_one_version_of_each_crate_but_for_those_of_jwt_compact() {
    for target in ["wasm32-wasip2", "wasm32-wasip1"] {
        has_one_version_of_each_crate(target);
    }
}

fn has_one_version_of_each_crate(target: &str) {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "doorward", "--target", target])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--prune", LEFT_OUT])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("it is text");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        let (name, version) = (words.next().expect("a name"), words.next().expect("a version"));
        versions.entry(name).or_default().insert(version);
    }
    assert!(versions.contains_key("sha2") && !versions.contains_key(LEFT_OUT));
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "{target}: {versions:?}");
}

#[test]
fn no_modules_depend_on_each_other_in_a_circle() {
    let circles: Vec<String> = DEPENDENCIES
        .iter()
        .filter_map(|(name, _)| {
            let circle = Modules::of_crate(name).dependencies().circle()?;
            Some(circle.iter().map(|step| format!("\n  {name}: {step}")).collect())
        })
        .collect();
    assert!(circles.is_empty(), "modules depend on each other in a circle:{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_however_its_modules_are_named() {
    for (code, circle) in [
        ("mod a { use crate::b::B; } mod b { use crate::a::{self, A}; }", true),
        ("mod a { use super::{b::B, c}; } mod b { fn f(_: super::a::A) {} }", true),
        ("mod a { mod d { fn f() { super::super::b::f() } } } mod b { use crate::a::A; }", true),
        ("mod a { use crate::B; } mod b { use crate::a::A; } pub use b::B;", true),
        ("mod a { use crate::C; } mod b { use crate::a::A; } pub use b::B as C;", true),
        ("mod a { fn f() { print!(\"{}\", crate::b::f()) } } mod b { use crate::a::A; }", true),
        ("mod a { use crate::b::B; } mod b { use crate::c::C; } mod c { use crate::a::A; }", true),
        ("mod a { mod c { use super::d::D; } mod d { use super::c::C; } }", true),
        ("mod a { mod c { use super::D; } mod d { use super::C; } pub use {c::C, d::D}; }", true),
        ("mod a { use crate::b::B; } mod b { use std::a::A; }", false),
        ("mod a { use crate::b::B; } mod b { #[cfg(test)] mod tests { use crate::a::A; } }", false),
        ("mod a { use crate::b::B; use crate::A; } mod b { use crate::A; } struct A;", false),
        ("mod a { use super::A; mod c { use crate::a::A; } } mod b { use crate::a::A; }", false),
    ] {
        let mut modules = Modules::default();
        let file = syn::parse_file(code).expect("it is code");
        modules.add(&[], &file.items, Path::new("lib.rs"), Path::new(""));
        let found = modules.dependencies().circle();
        assert_eq!(found.is_some(), circle, "{code}: {found:?}");
    }
}

fn crate_folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if name == "tools" { root.join("src/tools") } else { root.join("crates").join(name) }
}

fn source_folder(name: &str) -> PathBuf {
    let folder = crate_folder(name);
    if name == "tools" { folder } else { folder.join("src") }
}

/// The names that lead from the root of a crate to a module.
type ModulePath = Vec<String>;

/// The modules of a crate.
#[derive(Default)]
struct Modules {
    modules: BTreeMap<ModulePath, Module>,
    /// The macros that the crate exports, each with the module that defines it.
    macros: BTreeMap<String, ModulePath>,
}

struct Module {
    file: PathBuf,
    names: Names,
    /// What each name that it imports stands for, as it is written.
    imports: BTreeMap<String, ModulePath>,
}

/// Which modules depend on which, and where.
#[derive(Default)]
struct Dependencies(BTreeMap<ModulePath, BTreeMap<ModulePath, Place>>);

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(PathBuf, usize);

/// One dependency in a circle.
#[derive(Debug)]
struct Step {
    from: ModulePath,
    to: ModulePath,
    place: Place,
}

impl Modules {
    fn of_crate(name: &str) -> Self {
        let mut modules = Self::default();
        let folder = source_folder(name);
        modules.add(&[], &parse(&folder.join("lib.rs")), &folder.join("lib.rs"), &folder);
        modules
    }

    /// Adds a module, and all that are declared inside it. Their files are in `folder`.
    fn add(&mut self, path: &[String], items: &[Item], file: &Path, folder: &Path) {
        let (mut names, mut imports) = (Names::default(), BTreeMap::new());
        for item in items.iter().filter(|item| !attributes(item).is_some_and(is_for_tests)) {
            names.visit_item(item);
            match item {
                Item::Use(item) => {
                    imports.extend(used(item).into_iter().map(|(name, _, path)| (name, path)));
                }
                Item::Macro(ItemMacro { ident: Some(name), attrs, .. })
                    if attrs.iter().any(|it| it.path().is_ident("macro_export")) =>
                {
                    self.macros.insert(name.to_string(), path.to_owned());
                }
                Item::Mod(ItemMod { ident, content, .. }) => {
                    let path = [path, &[ident.to_string()]].concat();
                    let inner = folder.join(ident.to_string());
                    match content {
                        Some((_, items)) => self.add(&path, items, file, &inner),
                        None => {
                            let files = [inner.with_extension("rs"), inner.join("mod.rs")];
                            let file = files.iter().find(|file| file.exists());
                            let file = file.unwrap_or_else(|| panic!("no file for {path:?}"));
                            self.add(&path, &parse(file), file, &inner);
                        }
                    }
                }
                _ => {}
            }
        }
        self.modules.insert(path.to_owned(), Module { file: file.to_owned(), names, imports });
    }

    fn dependencies(&self) -> Dependencies {
        let mut dependencies = Dependencies::default();
        for (path, Module { file, names, .. }) in &self.modules {
            for (name, line) in &names.0 {
                let Some(target) = self.module_of(path, name, 0) else { continue };
                let common = path.iter().zip(&target).take_while(|(one, other)| one == other);
                let common = common.count();
                // Otherwise one of the two is declared inside the other.
                if let (Some(from), Some(to)) = (path.get(..=common), target.get(..=common)) {
                    let from = dependencies.0.entry(from.to_owned()).or_default();
                    from.entry(to.to_owned()).or_insert(Place(file.clone(), *line));
                }
            }
        }
        dependencies
    }

    /// The module that a name comes from, as it is written in the module `path`; `None` if it comes
    /// from another crate.
    fn module_of(&self, path: &[String], name: &[String], depth: usize) -> Option<ModulePath> {
        assert!(depth < 10, "{name:?} in {path:?} is imported in a circle");
        let (first, rest) = name.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Vec::new(),
            "self" => path.to_owned(),
            "super" => path.split_last()?.1.to_owned(),
            _ => {
                let inner = [path, std::slice::from_ref(first)].concat();
                self.modules.contains_key(&inner).then_some(inner)?
            }
        };
        for (index, segment) in rest.iter().enumerate() {
            if segment == "super" {
                found.pop();
                continue;
            }
            found.push(segment.clone());
            if self.modules.contains_key(&found) {
                continue;
            }
            found.pop();
            let import = self.modules.get(&found).and_then(|module| module.imports.get(segment));
            // A name that is imported is not looked up in its own `use`.
            let import = import.filter(|import| found != path || import.as_slice() != name);
            if let Some(import) = import {
                let rest = rest.get(index + 1..).unwrap_or_default();
                return self.module_of(&found, &[import, rest].concat(), depth + 1);
            }
            let exported = self.macros.get(segment).filter(|_| found.is_empty());
            return Some(exported.cloned().unwrap_or(found));
        }
        Some(found)
    }
}

impl Dependencies {
    /// A shortest circle, if there is any.
    fn circle(&self) -> Option<Vec<Step>> {
        self.0.keys().filter_map(|start| self.circle_from(start)).min_by_key(Vec::len)
    }

    fn circle_from(&self, start: &ModulePath) -> Option<Vec<Step>> {
        let mut reached_from: BTreeMap<&ModulePath, &ModulePath> = BTreeMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(from) = next.pop_front() {
            for to in self.0.get(from).into_iter().flat_map(BTreeMap::keys) {
                if !reached_from.contains_key(to) {
                    reached_from.insert(to, from);
                    next.push_back(to);
                }
            }
        }
        let mut steps = Vec::new();
        let mut to = start;
        loop {
            let from = *reached_from.get(to)?;
            let place = self.0.get(from)?.get(to)?.clone();
            steps.insert(0, Step { from: from.clone(), to: to.clone(), place });
            if from == start {
                return Some(steps);
            }
            to = from;
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, place: Place(file, line) } = self;
        let file = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file);
        write!(f, "{} uses {} in {}:{line}", from.join("::"), to.join("::"), file.display())
    }
}

/// The names of this crate that code uses, as they are written, and their lines.
#[derive(Default)]
struct Names(Vec<(ModulePath, usize)>);

impl Names {
    fn add(&mut self, identifiers: &[&Ident]) {
        if let Some(first) = identifiers.first()
            && ["crate", "self", "super"].iter().any(|keyword| first == keyword)
        {
            let name = identifiers.iter().map(ToString::to_string).collect();
            self.0.push((name, first.span().start().line));
        }
    }

    /// Adds the paths in the tokens of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first];
                    let mut rest = tokens.get(index + 1..).unwrap_or_default();
                    while let [
                        TokenTree::Punct(one),
                        TokenTree::Punct(two),
                        TokenTree::Ident(next),
                        ..,
                    ] = rest
                        && one.as_char() == ':'
                        && two.as_char() == ':'
                    {
                        path.push(next);
                        rest = rest.get(3..).unwrap_or_default();
                    }
                    self.add(&path);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl Visit<'_> for Names {
    fn visit_item(&mut self, item: &Item) {
        match item {
            item if attributes(item).is_some_and(is_for_tests) => {}
            // It is a module of its own.
            Item::Mod(_) => {}
            Item::Use(item) => {
                self.0.extend(used(item).into_iter().map(|(_, line, path)| (path, line)));
            }
            item => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let is_left_out = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_left_out {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let identifiers: Vec<&Ident> = path.segments.iter().map(|it| &it.ident).collect();
        self.add(&identifiers);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &Macro) {
        self.add_tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}

/// What a `use` brings: the name under which it does, the line, and the path as it is written.
fn used(item: &ItemUse) -> Vec<(String, usize, ModulePath)> {
    fn add(tree: &UseTree, path: &[String], all: &mut Vec<(String, usize, ModulePath)>) {
        let (name, last) = match tree {
            UseTree::Path(tree) => {
                return add(&tree.tree, &[path, &[tree.ident.to_string()]].concat(), all);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| add(tree, path, all));
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans.first().map_or(0, |it| it.start().line);
                return all.push(("*".to_owned(), line, path.to_owned()));
            }
            UseTree::Name(tree) => (&tree.ident, &tree.ident),
            UseTree::Rename(tree) => (&tree.rename, &tree.ident),
        };
        let line = last.span().start().line;
        match (last == "self", path.last()) {
            (true, Some(module)) => all.push((module.clone(), line, path.to_owned())),
            _ => all.push((name.to_string(), line, [path, &[last.to_string()]].concat())),
        }
    }
    let mut all = Vec::new();
    add(&item.tree, &[], &mut all);
    all
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

/// Whether a `#[cfg(…)]` names `test` or the feature `testing`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("cfg") && list.tokens.to_string().contains("test"))
    })
}

fn parse(file: &Path) -> Vec<Item> {
    let code = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    syn::parse_file(&code).unwrap_or_else(|error| panic!("{file:?}: {error}")).items
}
