-- A lease with fencing tokens.

const
  CLIENTS: 2;
  SHARDS: 2;
  EPOCHS: 2;
  TTL: 2;
  VALUES: 4096;

type
  Client: 0 .. CLIENTS - 1;
  Shard: 0 .. SHARDS - 1;
  Epoch: 0 .. EPOCHS;
  Value: 0 .. VALUES - 1;
  Phase: enum { IDLE, OWNER, WRITING };

var
  phase: array [Client] of Phase;
  epoch: array [Client] of Epoch;
  target: array [Client] of Shard; -- undefined unless WRITING
  seen: array [Client] of Value;   -- undefined unless WRITING
  owner: Client;                   -- undefined if nobody is
  remaining: 0 .. TTL;
  current: Epoch;
  accepted: array [Shard] of Epoch;
  value_of: array [Shard] of Value;

startstate begin
  for c: Client do
    phase[c] := IDLE;
    epoch[c] := 0;
    undefine target[c];
    undefine seen[c];
  end;
  undefine owner;
  remaining := 0;
  current := 0;
  for s: Shard do
    accepted[s] := 0;
    value_of[s] := 0;
  end;
end;

ruleset c: Client do
  rule "acquire"
    phase[c] = IDLE & remaining = 0 & current < EPOCHS ==>
  begin
    owner := c;
    remaining := TTL;
    current := current + 1;
    phase[c] := OWNER;
    epoch[c] := current;
  end;

  rule "renew"
    phase[c] = OWNER & !isundefined(owner) & owner = c & remaining < TTL ==>
  begin
    remaining := TTL;
  end;

  ruleset s: Shard do
    rule "read"
      phase[c] = OWNER ==>
    begin
      phase[c] := WRITING;
      target[c] := s;
      seen[c] := value_of[s];
    end;
  end;

  rule "write"
    phase[c] = WRITING ==>
  begin
    if epoch[c] > accepted[target[c]] then
      value_of[target[c]] := (seen[c] * 31 + epoch[c]) % VALUES;
      accepted[target[c]] := epoch[c];
      phase[c] := OWNER;
    else
      phase[c] := IDLE;
      epoch[c] := 0;
    end;
    undefine target[c];
    undefine seen[c];
  end;

  rule "release"
    phase[c] = OWNER & !isundefined(owner) & owner = c ==>
  begin
    undefine owner;
    remaining := 0;
    phase[c] := IDLE;
    epoch[c] := 0;
  end;

  rule "crash"
    phase[c] != IDLE ==>
  begin
    phase[c] := IDLE;
    epoch[c] := 0;
    undefine target[c];
    undefine seen[c];
  end;
end;

rule "pass"
  remaining > 0 ==>
begin
  remaining := remaining - 1;
end;

invariant "nothing_from_the_future"
  forall s: Shard do accepted[s] <= current end;

invariant "one_current_owner"
  current = 0 | forall a: Client do forall b: Client do
    a = b | epoch[a] != current | epoch[b] != current
  end end;
