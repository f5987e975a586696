-- Headers that commit to states stay: going back is for tests and for an empty ledger.
DROP TRIGGER blocks_commit_to_states;
DROP TABLE state_pages;
