//! Dependencies, simulated schedules, what-ifs and findings of runs whose answers are known.

mod convoy;
mod crowded;
mod dependencies;
mod planted;
mod random;
mod reports;
mod schedules;
mod tones;
