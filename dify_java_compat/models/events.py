"""The events of a stream: the classes of their `data`, and `EVENTS`, one row for each event.

What the package knows of an event stands in its row and nowhere else: the codec, the reader, the
collector, resumed streams, Java's `StreamEventEnum` and the tables of the documentation are read
off these rows. A new event is a row here, with a class where its `data` has one of its own.
"""

from typing import Any, Literal, NamedTuple

from .._dto.dto import ResponseDto, dto, field_named

__all__ = [
    "EVENT_DATA",
    "AgentLogData",
    "BaseWorkflowRunData",
    "CompletionData",
    "ContainerData",
    "EmptyData",
    "HumanInputData",
    "MetaData",
    "NodeFinishedData",
    "NodeRetryData",
    "NodeStartedData",
    "ParallelBranchFinishedData",
    "ParallelBranchStartedData",
    "ReasoningChunkData",
    "TextChunkData",
    "WorkflowFinishedData",
    "WorkflowPausedData",
    "WorkflowStartedData",
]


@dto
class CompletionData(ResponseDto):
    """The `data` of any event; of an unknown one, everything is in `raw`."""


@dto
class EmptyData(CompletionData):
    """The `data` of an event that has its fields beside it."""


@dto
class BaseWorkflowRunData(CompletionData):
    """What the events of a run and of its nodes have in common."""

    id: str | None = None
    created_at: int | None = None


@dto
class WorkflowStartedData(BaseWorkflowRunData):
    """workflow_started."""

    workflow_id: str | None = None
    sequence_number: int | None = None
    inputs: dict[str, Any] | None = None
    reason: str | None = None


@dto
class WorkflowFinishedData(BaseWorkflowRunData):
    """workflow_finished; `status` is succeeded, failed, partial-succeeded or stopped."""

    workflow_id: str | None = None
    outputs: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None
    elapsed_time: float | None = None
    total_tokens: int | None = None
    total_steps: int | None = None
    finished_at: int | None = None
    exceptions_count: int | None = None
    created_by: dict[str, Any] | None = None
    files: list[Any] | None = None


@dto
class WorkflowPausedData(CompletionData):
    """workflow_paused: the run waits for a person.

    An entry of `reasons` has the token of a form as `form_token`, and on newer servers
    `approval_channels` and `message`. The last six fields are those of a blocking answer, which has
    in it what an event has beside it.
    """

    workflow_run_id: str | None = None
    paused_nodes: list[Any] | None = None
    outputs: dict[str, Any] | None = None
    reasons: list[dict[str, Any]] | None = None
    status: str | None = None
    created_at: int | None = None
    elapsed_time: float | None = None
    total_tokens: int | None = None
    total_steps: int | None = None
    id: str | None = None
    mode: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    answer: str | None = None
    metadata: dict[str, Any] | None = None


@dto
class NodeStartedData(BaseWorkflowRunData):
    """node_started."""

    node_id: str | None = None
    node_type: str | None = None
    title: str | None = None
    index: int | None = None
    predecessor_node_id: str | None = None
    inputs: dict[str, Any] | None = None
    inputs_truncated: bool | None = None
    extras: dict[str, Any] | None = None
    iteration_id: str | None = None
    loop_id: str | None = None
    agent_strategy: Any = None


@dto
class NodeFinishedData(NodeStartedData):
    """node_finished; `status` is succeeded, failed, exception or stopped."""

    @dto
    class ExecutionMetadata(ResponseDto):
        """What a node cost; `total_price` is a decimal number as text."""

        total_tokens: int | None = None
        total_price: Any = None
        currency: str | None = None
        error_strategy: str | None = None
        iteration_id: str | None = None
        iteration_index: int | None = None
        iteration_duration_map: dict[str, float] | None = None
        loop_id: str | None = None
        loop_index: int | None = None
        loop_duration_map: dict[str, float] | None = None
        loop_variable_map: dict[str, Any] | None = None
        completed_reason: str | None = None
        tool_info: dict[str, Any] | None = None
        agent_log: list[Any] | None = None

    process_data: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None
    elapsed_time: float | None = None
    execution_metadata: "NodeFinishedData.ExecutionMetadata | None" = None
    process_data_truncated: bool | None = None
    outputs_truncated: bool | None = None
    finished_at: int | None = None
    files: list[Any] | None = None


@dto
class NodeRetryData(NodeFinishedData):
    """node_retry: the node failed and starts again; its tokens come again too."""

    retry_index: int | None = None


@dto
class ContainerData(CompletionData):
    """iteration_* and loop_*: a node that runs others; `index` counts its rounds from 0."""

    id: str | None = None
    node_id: str | None = None
    node_type: str | None = None
    title: str | None = None
    index: int | None = None
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None
    elapsed_time: float | None = None
    total_tokens: int | None = None
    steps: int | None = None
    execution_metadata: "NodeFinishedData.ExecutionMetadata | None" = None
    inputs_truncated: bool | None = None
    outputs_truncated: bool | None = None
    pre_iteration_output: Any = None
    pre_loop_output: Any = None
    extras: dict[str, Any] | None = None
    created_at: int | None = None
    finished_at: int | None = None


@dto
class ParallelBranchStartedData(CompletionData):
    """parallel_branch_started, of servers before 1.5."""

    parallel_id: str | None = None
    parallel_branch_id: str | None = None
    parent_parallel_id: str | None = None
    parent_parallel_start_node_id: str | None = None
    iteration_id: str | None = None
    loop_id: str | None = None
    created_at: int | None = None


@dto
class ParallelBranchFinishedData(ParallelBranchStartedData):
    """parallel_branch_finished, of servers before 1.5."""

    status: str | None = None
    error: str | None = None


@dto
class MetaData(ResponseDto):
    """The model or tool of an agent's log entry, its times in seconds and what it cost."""

    provider: str | None = None
    icon: str | None = None
    icon_dark: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    elapsed_time: float | None = None
    total_tokens: int | None = None
    total_price: Any = None
    currency: str | None = None


@dto
class AgentLogData(CompletionData):
    """agent_log: a step of an agent node."""

    node_execution_id: str | None = None
    id: str | None = None
    label: str | None = None
    parent_id: str | None = None
    error: str | None = None
    status: str | None = None
    data: dict[str, Any] | None = None
    metadata: MetaData | None = None
    node_id: str | None = None


@dto
class HumanInputData(CompletionData):
    """human_input_required, human_input_form_filled and human_input_form_timeout.

    `approval_channels` and `message`, which newer servers send, are where and in which words a
    person is asked. An entry of `inputs` is a paragraph, a select, a file or a file-list.
    """

    form_id: str | None = None
    form_token: str | None = None
    node_id: str | None = None
    node_title: str | None = None
    form_content: str | None = None
    inputs: list[dict[str, Any]] | None = None
    actions: list[dict[str, Any]] | None = None
    display_in_ui: bool | None = None
    resolved_default_values: dict[str, Any] | None = None
    expiration_time: int | None = None
    rendered_content: str | None = None
    action_id: str | None = None
    action_text: str | None = None
    submitted_data: dict[str, Any] | None = None
    approval_channels: list[Any] | None = None
    message: str | None = None


@dto
class ReasoningChunkData(CompletionData):
    """reasoning_chunk: what a model thinks aloud; `is_final` marks the last one."""

    message_id: str | None = None
    reasoning: str | None = None
    node_id: str | None = None
    is_final: bool | None = None


@dto
class TextChunkData(CompletionData):
    """text_chunk, of workflow apps; a Map in Java, whose keys stay as they come."""

    text: str | None = None
    from_variable_selector: list[str] | None = field_named(
        java="from_variable_selector", default=None
    )


# of `data`, those that tell two events of the same name apart
IDENTITY_FIELDS: tuple[str, ...] = (
    "id",
    "node_id",
    "index",
    "retry_index",
    "form_id",
    "iteration_id",
    "loop_id",
)


class EventRow(NamedTuple):
    """One of Dify's events.

    - `name`: its `event`.
    - `data`: the class of its `data`; None where it has its fields beside it.
    - `identity`: the fields of `data` that identify it, by which an event that a resumed run sends
      again is known; () where each counts as new, as pieces of text do.
    - `ends`: None, or what has ended once it came: "chat" (the answer of a chat or agent app),
      "run" (the run of a chatflow or a workflow app), "pause" (a run that waits for a person, until
      another event follows), "error".
    - `text`: None, or what it does to the text of the answer: "append" its `answer`, "replace" all
      text so far by its `answer`, "final": `data.outputs["answer"]`, where it is a string, is the
      whole text.
    - `means`: None, or what a reader learns from it: "start" (there is a run), "node" (how a node
      ended), "speech" (the answer is spoken, which may go on behind its end).
    """

    name: str
    data: type[CompletionData] | None = None
    identity: tuple[str, ...] = ()
    ends: Literal["chat", "run", "pause", "error"] | None = None
    text: Literal["append", "replace", "final"] | None = None
    means: Literal["start", "node", "speech"] | None = None


EVENTS: tuple[EventRow, ...] = (
    EventRow("message", text="append"),
    EventRow("agent_message", text="append"),
    EventRow("message_file", text="append"),  # a chat that was sent a file has all its text here
    EventRow("message_replace", text="replace"),
    EventRow("agent_thought"),
    EventRow("tts_message", means="speech"),
    EventRow("tts_message_end"),
    EventRow("message_end", ends="chat"),
    EventRow("workflow_started", WorkflowStartedData, IDENTITY_FIELDS, means="start"),
    EventRow("workflow_finished", WorkflowFinishedData, IDENTITY_FIELDS, ends="run", text="final"),
    EventRow("workflow_paused", WorkflowPausedData, IDENTITY_FIELDS, ends="pause"),
    EventRow("node_started", NodeStartedData, IDENTITY_FIELDS),
    EventRow("node_finished", NodeFinishedData, IDENTITY_FIELDS, means="node"),
    EventRow("node_retry", NodeRetryData, IDENTITY_FIELDS),
    EventRow("iteration_started", ContainerData, IDENTITY_FIELDS),
    EventRow("iteration_next", ContainerData, IDENTITY_FIELDS),
    EventRow("iteration_completed", ContainerData, IDENTITY_FIELDS),
    EventRow("loop_started", ContainerData, IDENTITY_FIELDS),
    EventRow("loop_next", ContainerData, IDENTITY_FIELDS),
    EventRow("loop_completed", ContainerData, IDENTITY_FIELDS),
    EventRow("parallel_branch_started", ParallelBranchStartedData, IDENTITY_FIELDS),
    EventRow("parallel_branch_finished", ParallelBranchFinishedData, IDENTITY_FIELDS),
    EventRow("agent_log", AgentLogData),
    EventRow("human_input_required", HumanInputData, IDENTITY_FIELDS),
    EventRow("human_input_form_filled", HumanInputData, IDENTITY_FIELDS),
    EventRow("human_input_form_timeout", HumanInputData, IDENTITY_FIELDS),
    EventRow("reasoning_chunk", ReasoningChunkData),
    EventRow("text_chunk", TextChunkData),
    EventRow("error", ends="error"),
    EventRow("ping"),
)

EVENT_DATA: dict[str, type[CompletionData]] = {
    row.name: row.data for row in EVENTS if row.data is not None
}
