"""An app's parameters: its opening, its form, what it can take."""

from typing import Any

from .._dto.dto import ResponseDto, dto, field_named

__all__ = [
    "AnnotationReply",
    "AppParametersResponseVO",
    "Checkbox",
    "Enabled",
    "File",
    "FileList",
    "FileUpload",
    "FileUploadConfig",
    "FileUploadImage",
    "Number",
    "Paragraph",
    "Select",
    "SensitiveWordAvoidance",
    "TextInput",
    "TextToSpeech",
    "UserInputForm",
]


@dto
class Enabled(ResponseDto):
    """A feature's switch."""

    enabled: bool | None = None


@dto
class AnnotationReply(Enabled):
    """The switch of annotation replies and, where it is on, its settings."""

    id: str | None = None
    score_threshold: float | None = None
    embedding_model: dict[str, Any] | None = None


@dto
class SensitiveWordAvoidance(Enabled):
    """The switch of moderation."""

    type: str | None = None
    configs: Any = None
    config: dict[str, Any] | None = None


@dto
class TextToSpeech(ResponseDto):
    """The switch of speech and the voice; `auto_play` is enabled or disabled."""

    enabled: bool | None = None
    voice: str | None = None
    language: str | None = None
    auto_play: str | None = field_named(wire="autoPlay", default=None)


@dto
class TextInput(ResponseDto):
    """A line of text in the form."""

    label: str | None = None
    variable: str | None = None
    required: bool | None = None
    max_length: int | None = None
    default_value: Any = field_named(wire="default", default=None)
    type: str | None = None
    options: list[str] | None = None
    placeholder: str | None = None
    hint: str | None = None


@dto
class Paragraph(TextInput):
    """A text of several lines in the form."""


@dto
class Select(TextInput):
    """A choice of `options` in the form."""


@dto
class Number(TextInput):
    """A number in the form."""


@dto
class Checkbox(TextInput):
    """A tick in the form."""


@dto
class File(TextInput):
    """A file in the form."""

    allowed_file_types: list[str] | None = None
    allowed_file_extensions: list[str] | None = None
    allowed_file_upload_methods: list[str] | None = None


@dto
class FileList(File):
    """Several files in the form."""


@dto
class UserInputForm(ResponseDto):
    """One entry of the form: the one field that is not None is its kind."""

    text_input: TextInput | None = field_named(wire="text-input", default=None)
    number: Number | None = None
    checkbox: Checkbox | None = None
    paragraph: Paragraph | None = None
    select: Select | None = None
    file_list: FileList | None = field_named(wire="file-list", default=None)
    file: File | None = None


@dto
class FileUploadImage(ResponseDto):
    """What images the app takes."""

    enabled: bool | None = None
    number_limits: int | None = None
    transfer_methods: list[str] | None = None
    detail: str | None = None


@dto
class FileUploadConfig(ResponseDto):
    """Size limits in MiB, and how many files at once."""

    file_size_limit: int | None = None
    batch_count_limit: int | None = None
    image_file_size_limit: int | None = None
    video_file_size_limit: int | None = None
    audio_file_size_limit: int | None = None
    workflow_file_upload_limit: int | None = None


@dto
class FileUpload(ResponseDto):
    """What files the app takes."""

    image: FileUploadImage | None = None
    enabled: bool | None = None
    allowed_file_types: list[str] | None = None
    allowed_file_extensions: list[str] | None = None
    allowed_file_upload_methods: list[str] | None = None
    number_limits: int | None = None
    file_upload_config: FileUploadConfig | None = field_named(wire="fileUploadConfig", default=None)


@dto
class AppParametersResponseVO(ResponseDto):
    """GET /parameters."""

    opening_statement: str | None = None
    suggested_questions: list[str] | None = None
    suggested_questions_after_answer: Enabled | None = None
    speech_to_text: Enabled | None = None
    text_to_speech: TextToSpeech | None = None
    retriever_resource: Enabled | None = None
    annotation_reply: AnnotationReply | None = None
    more_like_this: Enabled | None = None
    user_input_form: list[UserInputForm] | None = None
    sensitive_word_avoidance: SensitiveWordAvoidance | None = None
    file_upload: FileUpload | None = None
    system_parameters: FileUploadConfig | None = None
