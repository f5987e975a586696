-- Headers that commit to states stay: going back is for tests and for an empty ledger.
DROP TRIGGER blocks_commit_to_states ON blocks;
DROP FUNCTION refuse_older_program ();
DROP TABLE state_pages;
