//! The data folder is damaged, with its journal and its state.
