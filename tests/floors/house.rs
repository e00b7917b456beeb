//! The modules of a crate, and their imports of each other.

use crate::source::{Body, Import, Module};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's place in its crate: the root's is empty.
pub(crate) type Place = Vec<String>;

/// A module with its file.
#[derive(Debug)]
struct Room {
    file: PathBuf,
    module: Module,
}

/// An import: one file uses a name of another file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) from_file: PathBuf,
    pub(crate) to_file: PathBuf,
    pub(crate) name: String,
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} imports `{}` from {}", self.from_file.display(), self.name, self.to_file.display())
    }
}

/// A crate.
#[derive(Debug)]
pub(crate) struct House {
    rooms: BTreeMap<Place, Room>,
}

/// The files of a crate, by their path.
pub(crate) type Files = BTreeMap<PathBuf, String>;

impl House {
    /// Reads the modules, starting at the root file.
    pub(crate) fn build(files: &Files, root: &Path) -> Result<Self, String> {
        let mut house = Self { rooms: BTreeMap::new() };
        let text = files.get(root).ok_or_else(|| format!("{} is missing", root.display()))?;
        let module = Module::parse(text).map_err(|why| format!("{}: {why}", root.display()))?;
        let folder = root.parent().unwrap_or(Path::new("")).to_owned();
        house.add(files, Vec::new(), root.to_owned(), folder, module)?;
        Ok(house)
    }

    /// Adds a module and those inside it, whose files are in `folder`.
    fn add(
        &mut self,
        files: &Files,
        place: Place,
        file: PathBuf,
        folder: PathBuf,
        mut module: Module,
    ) -> Result<(), String> {
        for child in std::mem::take(&mut module.children) {
            let place: Place = place.iter().cloned().chain([child.name.clone()]).collect();
            match child.body {
                Body::Inline(inner) => self.add(files, place, file.clone(), folder.join(&child.name), inner)?,
                Body::File(named) => {
                    let candidates = match named {
                        Some(path) => vec![file.parent().unwrap_or(Path::new("")).join(path)],
                        None => {
                            vec![folder.join(format!("{}.rs", child.name)), folder.join(&child.name).join("mod.rs")]
                        }
                    };
                    let found = candidates.iter().find_map(|path| Some((path, files.get(path)?)));
                    let (path, text) =
                        found.ok_or_else(|| format!("{}: no file for `mod {}`", file.display(), child.name))?;
                    let inner = Module::parse(text).map_err(|why| format!("{}: {why}", path.display()))?;
                    let above = path.parent().unwrap_or(Path::new(""));
                    let is_folder = path.file_name().is_some_and(|name| name == "mod.rs");
                    let below = if is_folder { above.to_owned() } else { above.join(&child.name) };
                    self.add(files, place, path.clone(), below, inner)?;
                }
            }
        }
        self.rooms.insert(place, Room { file, module });
        Ok(())
    }

    /// The modules right below the root, except inline modules of the root's file that only re-export.
    pub(crate) fn modules(&self) -> BTreeSet<String> {
        let root = self.rooms.get(&Vec::new()).map(|room| &room.file);
        let is_face = |room: &Room| {
            Some(&room.file) == root
                && room.module.items.is_empty()
                && room.module.imports.iter().all(|import| import.is_reexport)
        };
        let below = self.rooms.iter().filter(|(place, room)| place.len() == 1 && !is_face(room));
        below.filter_map(|(place, _)| place.last().cloned()).collect()
    }

    /// All imports from one module of this crate by another, except re-exports in the root's file.
    pub(crate) fn edges(&self) -> BTreeSet<Edge> {
        let root = self.rooms.get(&Vec::new()).map(|room| room.file.clone());
        let mut edges = BTreeSet::new();
        for (place, room) in &self.rooms {
            for import in &room.module.imports {
                if import.is_reexport && Some(&room.file) == root.as_ref() {
                    continue;
                }
                let Some((to, name)) = self.inside(place, &import.path).and_then(|path| self.find(&path, 0)) else {
                    continue;
                };
                let (from_file, to_file) = (room.file.clone(), self.rooms[&to].file.clone());
                edges.insert(Edge { from: place.clone(), to, from_file, to_file, name });
            }
        }
        edges
    }

    /// The paths that lead to other crates, each with the file that has it. The first segment may also be a name that a
    /// `use` brought.
    pub(crate) fn foreign(&self) -> Vec<(&Path, &Import)> {
        let mut all = Vec::new();
        for (place, room) in &self.rooms {
            let outside = room.module.imports.iter().filter(|import| self.inside(place, &import.path).is_none());
            all.extend(outside.map(|import| (room.file.as_path(), import)));
        }
        all
    }

    /// The path from the crate's root; `None` if it leads to another crate.
    fn inside(&self, place: &Place, path: &[String]) -> Option<Vec<String>> {
        let mut base = place.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                let below: Place = base.iter().cloned().chain([child.to_owned()]).collect();
                self.rooms.get(&below)?;
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that declares the name at the end of a path, through all re-exports.
    fn find(&self, path: &[String], depth: usize) -> Option<(Place, String)> {
        let len = (0..=path.len()).rev().find(|len| self.rooms.contains_key(&path[..*len]))?;
        let (place, rest) = path.split_at(len);
        let last = || path.last().cloned().unwrap_or_else(|| "crate".to_owned());
        let Some(name) = rest.first().filter(|name| *name != "*") else { return Some((place.to_vec(), last())) };
        let module = &self.rooms.get(place)?.module;
        if !module.items.contains(name) && depth < 8 {
            let uses = module.imports.iter().filter(|import| import.name.is_some());
            let (globs, named): (Vec<&Import>, Vec<&Import>) =
                uses.partition(|import| import.path.ends_with(&["*".to_owned()]));
            if let Some(import) = named.iter().find(|import| import.name.as_ref() == Some(name)) {
                // A name from another crate is in no module of this one.
                let path = self.inside(&place.to_vec(), &import.path)?;
                return self.find(&path, depth + 1).or_else(|| Some((place.to_vec(), name.clone())));
            }
            for glob in globs {
                let Some(mut path) = self.inside(&place.to_vec(), &glob.path) else { continue };
                path.pop();
                path.push(name.clone());
                if let Some(found) =
                    self.find(&path, depth + 1).filter(|(place, name)| self.rooms[place].module.items.contains(name))
                {
                    return Some(found);
                }
            }
        }
        Some((place.to_vec(), name.clone()))
    }
}

/// The lowest module above two modules, and its two submodules that contain them. `None` if one module is inside the other.
pub(crate) fn parting<'a>(from: &'a [String], to: &'a [String]) -> Option<(&'a [String], &'a str, &'a str)> {
    let at = from.iter().zip(to).position(|(a, b)| a != b)?;
    Some((&from[..at], &from[at], &to[at]))
}
