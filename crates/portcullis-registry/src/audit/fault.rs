//! What is wrong with a log.

/// The first thing that is wrong with an audit log, and with which row.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuditFault {
    /// A row does not have its hash: it was changed, or rows before it were removed and it was
    /// numbered anew.
    #[error("row {number} is not what was written")]
    Changed {
        /// Its number.
        number: u64,
    },
    /// Rows are not there, in the middle or at the end.
    #[error("the rows from {from} to {to} are gone")]
    Removed {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
    },
    /// A row is there that was not written by the store.
    #[error("row {number} was put in")]
    Inserted {
        /// Its number.
        number: u64,
    },
    /// A row and its neighbour have changed places, or it comes a second time.
    #[error("row {number} is out of order")]
    Moved {
        /// The number of the place.
        number: u64,
    },
    /// The address of a row, or its salt, is not the one that was written.
    #[error("the address of row {number} is not what was written")]
    Ip {
        /// Its number.
        number: u64,
    },
    /// The address of a row is gone, and no later row says that it was erased.
    #[error("the address of row {number} is gone, and no later row says that it was erased")]
    IpRemoved {
        /// Its number.
        number: u64,
    },
    /// The first row doesn't follow from where retention is said to have ended: either was changed.
    #[error("row {number} does not follow from the anchor before it: one of them was changed")]
    Anchor {
        /// The number of the first row.
        number: u64,
    },
    /// Rows at the beginning are gone, and no later row says that retention removed just these.
    #[error("the rows up to {through} are gone, and no later row says that they were pruned")]
    Unannounced {
        /// The last of them.
        through: u64,
    },
    /// A row says that other rows were pruned than are missing: retention found some gone already, or
    /// put in.
    #[error("row {number} doesn't say how many rows were pruned")]
    Miscounted {
        /// Its number.
        number: u64,
    },
    /// There are more rows than are found one after the other, or fewer: one number has two, say.
    #[error("there are {rows} rows, and by the ends of the log {expected}")]
    Count {
        /// How many there are.
        rows: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The head that the store keeps beside its rows is not the hash of the last.
    #[error("the head of the log is not the hash of its last row, {number}")]
    Head {
        /// The number of that row.
        number: u64,
    },
    /// The row of the witness is another now: it or rows before it were replaced.
    #[error("row {number} is not the one of the witness")]
    Witness {
        /// Its number.
        number: u64,
    },
    /// The log ends before the row of the witness.
    #[error("the log ends with row {end}, before row {number} of the witness")]
    CutOff {
        /// The last row.
        end: u64,
        /// The row of the witness.
        number: u64,
    },
    /// The row of the witness is older than what is kept, so that it says nothing.
    #[error("row {number} of the witness was pruned: it says nothing of what is left")]
    OldWitness {
        /// The row of the witness.
        number: u64,
    },
}
