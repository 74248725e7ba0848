-- A log shipped to followers over bounded, lossy first-in-first-out channels.

const
  FOLLOWERS: 1;
  LENGTH: 2;
  DEPTH: 2;
  VALUES: 2;

type
  Follower: 0 .. FOLLOWERS - 1;
  Place: 0 .. LENGTH - 1;
  Count: 0 .. LENGTH;
  Slot: 0 .. DEPTH - 1;
  Value: 0 .. VALUES - 1;
  Entry: record place: Place; value_of: Value; end;

var
  -- What is beyond the length of a log or a queue is undefined.
  log: array [Place] of Value;
  length: Count;
  copy: array [Follower] of array [Place] of Value;
  copied: array [Follower] of Count;
  entries: array [Follower] of array [Slot] of Entry;
  entries_size: array [Follower] of 0 .. DEPTH;
  acks: array [Follower] of array [Slot] of Count;
  acks_size: array [Follower] of 0 .. DEPTH;
  acked: array [Follower] of Count; -- what the leader knows

procedure pop_entry(f: Follower);
begin
  for s: Slot do
    if s + 1 < entries_size[f] then
      entries[f][s] := entries[f][s + 1];
    end;
  end;
  undefine entries[f][entries_size[f] - 1];
  entries_size[f] := entries_size[f] - 1;
end;

procedure pop_ack(f: Follower);
begin
  for s: Slot do
    if s + 1 < acks_size[f] then
      acks[f][s] := acks[f][s + 1];
    end;
  end;
  undefine acks[f][acks_size[f] - 1];
  acks_size[f] := acks_size[f] - 1;
end;

startstate begin
  undefine log;
  undefine copy;
  undefine entries;
  undefine acks;
  length := 0;
  for f: Follower do
    copied[f] := 0;
    entries_size[f] := 0;
    acks_size[f] := 0;
    acked[f] := 0;
  end;
end;

ruleset v: Value do
  rule "append"
    length < LENGTH ==>
  begin
    log[length] := v;
    length := length + 1;
  end;
end;

ruleset f: Follower do
  ruleset at: Place do
    rule "send"
      acked[f] <= at & at < length & entries_size[f] < DEPTH ==>
    begin
      entries[f][entries_size[f]].place := at;
      entries[f][entries_size[f]].value_of := log[at];
      entries_size[f] := entries_size[f] + 1;
    end;
  end;

  rule "receive"
    entries_size[f] > 0 & acks_size[f] < DEPTH ==>
  begin
    if entries[f][0].place = copied[f] then
      copy[f][copied[f]] := entries[f][0].value_of;
      copied[f] := copied[f] + 1;
    end;
    pop_entry(f);
    acks[f][acks_size[f]] := copied[f];
    acks_size[f] := acks_size[f] + 1;
  end;

  rule "hear"
    acks_size[f] > 0 ==>
  begin
    if acks[f][0] > acked[f] then
      acked[f] := acks[f][0];
    end;
    pop_ack(f);
  end;

  rule "drop_entry"
    entries_size[f] > 0 ==>
  begin
    pop_entry(f);
  end;

  rule "drop_ack"
    acks_size[f] > 0 ==>
  begin
    pop_ack(f);
  end;
end;

invariant "prefix"
  forall f: Follower do forall i: Place do
    i >= copied[f] | (i < length & copy[f][i] = log[i])
  end end;

invariant "honest"
  forall f: Follower do acked[f] <= copied[f] end;
