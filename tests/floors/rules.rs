//! The rules for the imports of a crate: no import points upwards, there is no circle, and every module has a floor.

use crate::house::{parting, Edge, House};
use std::collections::{BTreeMap, BTreeSet};

/// The modules of each floor, from floor 1.
pub(crate) type Floors<'a> = &'a [&'a [&'a str]];

/// Modules that are allowed to import each other: all of them, or some.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circle<'a> {
    /// The module that they are in; `""` for the root.
    pub(crate) inside: &'a str,
    pub(crate) members: &'a [&'a str],
    /// The reason for allowing it.
    #[allow(dead_code)]
    pub(crate) reason: &'a str,
}

/// The floor of a module, counted from 1.
fn floor(floors: Floors<'_>, module: &str) -> Option<usize> {
    floors.iter().position(|floor| floor.contains(&module)).map(|at| at + 1)
}

/// Errors: each import between modules right below the root that doesn't point downwards, each such module without a floor, and
/// each name in the table that isn't a module.
pub(crate) fn upward(house: &House, floors: Floors<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let modules = house.modules();
    let homeless = modules.iter().filter(|module| floor(floors, module).is_none());
    wrong.extend(homeless.map(|module| format!("`{module}` stands on no floor: give it one in the table")));
    let named = floors.iter().flat_map(|floor| floor.iter());
    let gone = named.filter(|module| !modules.contains(**module));
    wrong.extend(gone.map(|module| format!("`{module}` is in the table of floors and is no module")));
    for edge in house.edges() {
        let Some(([], from, to)) = parting(&edge.from, &edge.to) else { continue };
        if let (Some(above), Some(below)) = (floor(floors, from), floor(floors, to)) {
            if above <= below {
                wrong.push(format!("{edge}, but `{from}` stands on floor {above} and `{to}` on floor {below}: a module uses lower floors only"));
            }
        }
    }
    wrong
}

/// Errors: each circle of sibling modules at any depth, except the allowed ones, and each allowed circle that doesn't exist.
pub(crate) fn circles(house: &House, known: &[Circle<'_>]) -> Vec<String> {
    let mut found = BTreeMap::new();
    let mut levels: BTreeMap<Vec<String>, Vec<Edge>> = BTreeMap::new();
    for edge in house.edges() {
        if let Some((inside, ..)) = parting(&edge.from, &edge.to) {
            levels.entry(inside.to_vec()).or_default().push(edge);
        }
    }
    for (inside, edges) in &levels {
        let pairs: Vec<(&str, &str)> =
            edges.iter().filter_map(|edge| parting(&edge.from, &edge.to)).map(|(_, a, b)| (a, b)).collect();
        for members in tangles(&pairs) {
            let between = edges.iter().zip(&pairs).filter(|(_, (a, b))| members.contains(a) && members.contains(b));
            let lines: Vec<String> = between.map(|(edge, _)| format!("    {edge}")).collect();
            found.insert((inside.join("::"), members), lines.join("\n"));
        }
    }
    let mut wrong = Vec::new();
    for circle in known {
        let all = found.len();
        let is_part = |members: &BTreeSet<&str>| members.iter().all(|member| circle.members.contains(member));
        found.retain(|(inside, members), _| inside != circle.inside || !is_part(members));
        if found.len() == all {
            wrong.push(format!(
                "there is no circle of {:?} in `{}` any more: take it out of the table",
                circle.members, circle.inside
            ));
        }
    }
    for ((inside, members), lines) in found {
        let place = if inside.is_empty() { "the root".to_owned() } else { format!("`{inside}`") };
        let members: Vec<&str> = members.into_iter().collect();
        wrong.push(format!("a circle in {place}: {} import each other\n{lines}", members.join(", ")));
    }
    wrong
}

/// The sets of nodes that reach each other.
fn tangles<'a>(pairs: &[(&'a str, &'a str)]) -> BTreeSet<BTreeSet<&'a str>> {
    let reach = |from: &'a str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![from];
        while let Some(node) = next.pop() {
            next.extend(pairs.iter().filter(|(a, b)| *a == node && !seen.contains(b)).map(|(_, b)| *b));
            seen.extend(pairs.iter().filter(|(a, _)| *a == node).map(|(_, b)| *b));
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = pairs.iter().map(|(a, _)| (*a, reach(a))).collect();
    let returns = all.iter().filter(|(node, reached)| reached.contains(*node));
    returns
        .map(|(node, reached)| {
            reached.iter().copied().filter(|other| all.get(other).is_some_and(|back| back.contains(node))).collect()
        })
        .collect()
}

/// Errors: each path to a crate of the workspace that is not on a lower floor.
pub(crate) fn upward_crates(house: &House, own: &str, floors: Floors<'_>) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for (file, import) in house.foreign() {
        let other = import.path[0].as_str();
        if let (Some(above), Some(below)) = (floor(floors, own), floor(floors, other)) {
            if above <= below && own != other {
                let (file, name) = (file.display(), import.path.join("::"));
                wrong.insert(format!(
                    "{file} imports `{name}`, but `{own}` stands on floor {above} and `{other}` on floor {below}"
                ));
            }
        }
    }
    wrong.into_iter().collect()
}
