//! The table of documents.

use portcullis::{axum::ApiError, core::Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Document, Resource};
use crate::resources::{
    ResourceError, brands,
    database::{random_id, records},
    kept::Kept,
    request::Page,
};

/// How many documents are read at a time by what goes through all of them.
const AT_A_TIME: u32 = 50;

/// The rows of one organisation.
#[derive(Clone, Copy, Debug)]
pub(in crate::resources) struct Rows<'a> {
    tables: &'a Connection,
    owner: &'a str,
    now: Timestamp,
}

/// Part of a list, and how many there are in all.
#[derive(Debug)]
pub(in crate::resources) struct Listed<T> {
    pub(in crate::resources) documents: Vec<Document<T>>,
    pub(in crate::resources) total: u32,
    pub(in crate::resources) page: Page,
}

impl<'a> Rows<'a> {
    pub(super) const fn of(tables: &'a Connection, owner: &'a str, now: Timestamp) -> Self {
        Self { tables, owner, now }
    }

    /// When this happens.
    pub(in crate::resources) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Where else something of the organisation may be made.
    pub(in crate::resources) const fn tables(&self) -> (&'a Connection, &'a str) {
        (self.tables, self.owner)
    }

    /// Those that can be read, newest first; of what belongs to `whole`, which is empty for what
    /// stands alone.
    pub(in crate::resources) fn list<T: Resource>(
        &self,
        whole: &str,
        page: Page,
    ) -> Result<Listed<T>, ResourceError> {
        let mut query = self.tables.prepare_cached(
            "SELECT id, record FROM social_documents
             WHERE owner = ?1 AND kind = ?2 AND whole = ?3
             ORDER BY seq DESC LIMIT ?4 OFFSET ?5",
        )?;
        let Page { limit, offset } = page;
        let rows = query.query(params![self.owner, T::NAME, whole, limit, offset])?;
        Ok(Listed {
            documents: records(rows)?,
            total: self.count_of::<T>(whole)?,
            page,
        })
    }

    /// Some of what belongs to `whole`, newest first: what was added before the row `before`. Also
    /// where the next part begins, if there may be more.
    pub(in crate::resources) fn part<T: Resource>(
        &self,
        whole: &str,
        before: i64,
    ) -> Result<(Vec<Document<T>>, Option<i64>), ResourceError> {
        let mut query = self.tables.prepare_cached(
            "SELECT seq, record FROM social_documents
             WHERE owner = ?1 AND kind = ?2 AND whole = ?3 AND seq < ?4
             ORDER BY seq DESC LIMIT ?5",
        )?;
        let row = params![self.owner, T::NAME, whole, before, AT_A_TIME];
        let mut rows = query.query(row)?;
        let (mut documents, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            last = Some(row.get(0)?);
            // What can't be read is logged where it is listed.
            let record = row.get_ref(1)?.as_bytes().unwrap_or(&[]);
            documents.extend(serde_json::from_slice::<Document<T>>(record).ok());
        }
        Ok((documents, last))
    }

    /// One, or 404.
    pub(in crate::resources) fn find<T: Resource>(
        &self,
        id: &str,
    ) -> Result<Document<T>, ResourceError> {
        let query =
            "SELECT record FROM social_documents WHERE id = ?1 AND owner = ?2 AND kind = ?3";
        let record: Option<String> = self
            .tables
            .query_row(query, [id, self.owner, T::NAME], |row| row.get(0))
            .optional()?;
        let record = record.ok_or_else(|| ApiError::not_found(T::NAME))?;
        Ok(serde_json::from_str(&record)?)
    }

    /// Whether it is there, also if it can't be read; 404 if not.
    pub(in crate::resources) fn require<T: Resource>(&self, id: &str) -> Result<(), ResourceError> {
        let query = "SELECT 1 FROM social_documents WHERE id = ?1 AND owner = ?2 AND kind = ?3";
        let found = self
            .tables
            .query_row(query, [id, self.owner, T::NAME], |_| Ok(()))
            .optional()?;
        found.ok_or_else(|| ApiError::not_found(T::NAME).into())
    }

    /// Refuses with 409 if the organisation has as many as it may.
    pub(in crate::resources) fn has_room<T: Resource>(&self) -> Result<(), ResourceError> {
        let query = "SELECT count(*) FROM social_documents WHERE owner = ?1 AND kind = ?2";
        let count: u32 = self
            .tables
            .query_row(query, [self.owner, T::NAME], |row| row.get(0))?;
        if count >= T::MOST {
            let message = format!("an organisation has at most {} {}s", T::MOST, T::NAME);
            return Err(ApiError::conflict(message).into());
        }
        Ok(())
    }

    /// Adds one under a new id.
    pub(in crate::resources) fn add<T: Resource>(
        &self,
        own: T,
        kept: Kept,
    ) -> Result<Document<T>, ResourceError> {
        self.add_as(random_id(T::PREFIX)?, own, kept)
    }

    /// Adds one under an id that was drawn for it.
    pub(in crate::resources) fn add_as<T: Resource>(
        &self,
        id: String,
        own: T,
        kept: Kept,
    ) -> Result<Document<T>, ResourceError> {
        self.has_room::<T>()?;
        let document = Document::new(id, own, kept, self.now)?;
        let statement = "INSERT INTO social_documents (owner, kind, whole, id, record)
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let json = serde_json::to_string(&document)?;
        let whole = document.own.whole();
        let row = params![self.owner, T::NAME, whole, document.id, json];
        self.tables.execute(statement, row)?;
        Ok(document)
    }

    /// Writes one that is there.
    pub(in crate::resources) fn update<T: Resource>(
        &self,
        document: &mut Document<T>,
    ) -> Result<(), ResourceError> {
        document.updated_at = self.now;
        let statement = "UPDATE social_documents SET record = ?4
            WHERE id = ?1 AND owner = ?2 AND kind = ?3";
        let json = serde_json::to_string(document)?;
        let row = params![document.id, self.owner, T::NAME, json];
        self.tables.execute(statement, row)?;
        Ok(())
    }

    /// Removes one and what belongs to it, or 404.
    pub(in crate::resources) fn delete<T: Resource>(
        &self,
        whole: &str,
        id: &str,
    ) -> Result<(), ResourceError> {
        let statement = "DELETE FROM social_documents
            WHERE id = ?1 AND owner = ?2 AND kind = ?3 AND whole = ?4";
        let row = params![id, self.owner, T::NAME, whole];
        if self.tables.execute(statement, row)? == 0 {
            return Err(ApiError::not_found(T::NAME).into());
        }
        if let Some(parts) = T::PARTS {
            let statement = "DELETE FROM social_documents
                WHERE owner = ?1 AND kind = ?2 AND whole = ?3";
            self.tables.execute(statement, [self.owner, parts, id])?;
        }
        Ok(())
    }

    /// Removes the oldest of what belongs to `whole`, but for so many.
    pub(in crate::resources) fn trim<T: Resource>(
        &self,
        whole: &str,
        most: u32,
    ) -> Result<(), ResourceError> {
        let statement = "DELETE FROM social_documents WHERE seq IN (
            SELECT seq FROM social_documents WHERE owner = ?1 AND kind = ?2 AND whole = ?3
            ORDER BY seq DESC LIMIT -1 OFFSET ?4)";
        let row = params![self.owner, T::NAME, whole, most];
        self.tables.execute(statement, row)?;
        Ok(())
    }

    /// The sum of a member that is a number.
    pub(in crate::resources) fn sum<T: Resource>(
        &self,
        member: &str,
    ) -> Result<i64, ResourceError> {
        let query = "SELECT coalesce(sum(iif(json_valid(record), json_extract(record, ?3), 0)), 0)
            FROM social_documents WHERE owner = ?1 AND kind = ?2";
        let path = format!("$.{member}");
        let row = params![self.owner, T::NAME, path];
        Ok(self.tables.query_row(query, row, |row| row.get(0))?)
    }

    /// Refuses with 404 a brand that the organisation doesn't have.
    pub(in crate::resources) fn check_brand(
        &self,
        slug: Option<&str>,
    ) -> Result<(), ResourceError> {
        match slug {
            Some(slug) if !brands::exists(self.tables, self.owner, slug)? => {
                Err(ApiError::not_found("brand as `brandSlug` names").into())
            }
            _ => Ok(()),
        }
    }

    fn count_of<T: Resource>(&self, whole: &str) -> Result<u32, ResourceError> {
        let query = "SELECT count(*) FROM social_documents
            WHERE owner = ?1 AND kind = ?2 AND whole = ?3";
        let row = params![self.owner, T::NAME, whole];
        Ok(self.tables.query_row(query, row, |row| row.get(0))?)
    }
}

/// Takes a brand that is deleted from the carousels of its owner; a record that is no JSON stays.
pub(in crate::resources) fn forget_brand(
    tables: &Connection,
    owner: &str,
    slug: &str,
) -> Result<(), ResourceError> {
    let statement = "UPDATE social_documents SET record = json_set(record, '$.brandSlug', NULL)
        WHERE owner = ?1 AND kind = 'carousel'
            AND iif(json_valid(record), json_extract(record, '$.brandSlug'), NULL) = ?2";
    tables.execute(statement, [owner, slug])?;
    Ok(())
}

/// How many agents an owner has, and how many of them are enabled.
pub(in crate::resources) fn count_agents(
    tables: &Connection,
    owner: &str,
) -> Result<(u32, u32), ResourceError> {
    let query = "SELECT count(*),
            coalesce(sum(iif(json_valid(record), json_extract(record, '$.enabled'), 0)), 0)
        FROM social_documents WHERE owner = ?1 AND kind = 'agent'";
    Ok(tables.query_row(query, [owner], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
