-- Schema 2. A task belongs to the application whose worker said so first: jobs carry only the name
-- of their task, so two applications on one database must not use one name for two functions.

ALTER TABLE task ADD COLUMN application TEXT;
