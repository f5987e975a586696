//! Rows of blocks.

use diesel::prelude::*;

use crate::store::schema;

#[derive(Queryable, Insertable, Debug, Clone)]
#[diesel(table_name = schema::blocks)]
pub(in crate::store) struct BlockRow {
    pub height: i64,
    pub hash: Vec<u8>,
    pub prev: Vec<u8>,
    pub size: i64,
    pub header: String,
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct SealRow {
    pub height: i64,
    pub member: String,
    pub round: i64,
    pub signature: Vec<u8>,
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct EntryRow {
    pub idx: i64,
    pub height: i64,
    pub leaf: Vec<u8>,
    pub entry: String,
}
