-- Two-phase commit with a message set, after the TLA+ specification TwoPhase.

const
  N: 3;

type
  Rm: 0 .. N - 1;
  RmState: enum { WORKING, PREPARED, COMMITTED, ABORTED };
  TmState: enum { INIT, DONE_COMMITTED, DONE_ABORTED };

var
  state: array [Rm] of RmState;
  manager: TmState;
  prepared: array [Rm] of boolean;
  prepared_sent: array [Rm] of boolean;
  commit_sent: boolean;
  abort_sent: boolean;

startstate begin
  for rm: Rm do
    state[rm] := WORKING;
    prepared[rm] := false;
    prepared_sent[rm] := false;
  end;
  manager := INIT;
  commit_sent := false;
  abort_sent := false;
end;

rule "decide_commit"
  manager = INIT & forall rm: Rm do prepared[rm] end ==>
begin
  manager := DONE_COMMITTED;
  commit_sent := true;
end;

rule "decide_abort"
  manager = INIT ==>
begin
  manager := DONE_ABORTED;
  abort_sent := true;
end;

ruleset rm: Rm do
  rule "receive_prepared"
    manager = INIT & prepared_sent[rm] ==>
  begin
    prepared[rm] := true;
  end;

  rule "prepare"
    state[rm] = WORKING ==>
  begin
    state[rm] := PREPARED;
    prepared_sent[rm] := true;
  end;

  rule "choose_abort"
    state[rm] = WORKING ==>
  begin
    state[rm] := ABORTED;
  end;

  rule "receive_commit"
    commit_sent ==>
  begin
    state[rm] := COMMITTED;
  end;

  rule "receive_abort"
    abort_sent ==>
  begin
    state[rm] := ABORTED;
  end;
end;

invariant "consistent"
  !(exists a: Rm do state[a] = ABORTED end & exists b: Rm do state[b] = COMMITTED end);
