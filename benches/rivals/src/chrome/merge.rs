//! A straggler and a serial phase: the last of 64 tiles takes ten times as long, and one thread merges them alone.

use rayon::prelude::*;
use std::thread::sleep;
use std::time::Duration;
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::{prelude::*, registry::Registry};

fn main() {
    let (chrome_layer, _guard) = ChromeLayerBuilder::new().build();
    Registry::default().with(chrome_layer).init();
    rayon::ThreadPoolBuilder::new().num_threads(8).build_global().unwrap();
    let tiles: Vec<u32> = (0..64).into_par_iter().with_max_len(1).map(tile).collect();
    assert_eq!(merge(&tiles), 2016);
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn tile(number: u32) -> u32 {
    sleep(Duration::from_millis(if number == 63 { 400 } else { 40 }));
    number
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn merge(tiles: &[u32]) -> u32 {
    sleep(Duration::from_millis(400));
    tiles.iter().sum()
}
