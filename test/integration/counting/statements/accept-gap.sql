UPDATE stream_gap
  SET accepted_at = now(), accepted_reason = $1
  WHERE gap_id = $2 AND accepted_at IS NULL AND NOT isempty(missing);
