//! The arithmetic of budgets, driven through crashes and races.
