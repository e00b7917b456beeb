//! The numbers by which the assembler refers to the shards of regions.

use crate::shard::Block;
use crate::sync::Ordering;
use crate::wire::End;

/// Set in the number of a region's reader.
const OF_REGION: u32 = 1 << 31;

/// The numbers of readers, and the block of each.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// For each number, the block to which room is returned.
    blocks: Vec<Option<Block>>,
}

impl Readers {
    pub(super) fn add(&mut self, block: Block) -> u32 {
        let index = self.blocks.iter().position(Option::is_none).unwrap_or(self.blocks.len());
        if index == self.blocks.len() {
            self.blocks.push(None);
        }
        self.blocks[index] = Some(block);
        OF_REGION | index as u32
    }

    pub(super) fn get(&self, reader: u32) -> Option<&Block> {
        self.blocks.get((reader & !OF_REGION) as usize)?.as_ref()
    }

    pub(super) fn remove(&mut self, reader: u32) {
        if let Some(block) = self.blocks.get_mut((reader & !OF_REGION) as usize) {
            *block = None;
        }
    }

    /// Returns the room that a begin reserved, if the reader is a region's.
    pub(super) fn give_back(&self, reader: u32) -> bool {
        if reader & OF_REGION == 0 {
            return false;
        }
        if let Some(block) = self.get(reader) {
            let returned = &block.head().read.returned;
            returned.store(returned.load(Ordering::Relaxed).wrapping_add(End::BYTES), Ordering::Release);
        }
        true
    }
}
