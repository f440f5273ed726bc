using Mono.Cecil;
using Mono.Cecil.Cil;

namespace SoftThinking.Tests;

/// <summary>Which types of its own module a type refers to: by its base, its members' signatures, its code, generic arguments or
/// attributes.</summary>
internal sealed class TypeReferences
{
    private readonly ModuleDefinition _module;
    private readonly HashSet<TypeDefinition> _found = [];

    private TypeReferences(ModuleDefinition module) => _module = module;

    public static IReadOnlySet<TypeDefinition> Of(TypeDefinition type)
    {
        TypeReferences references = new(type.Module);
        references.AddType(type);
        references._found.Remove(type);
        return references._found;
    }

    private void AddType(TypeDefinition type)
    {
        Add(type.BaseType);
        Add(type);
        foreach (InterfaceImplementation implemented in type.Interfaces)
            Add(implemented.InterfaceType);
        AddAttributes(type);
        AddParameters(type);
        foreach (FieldDefinition field in type.Fields)
        {
            Add(field.FieldType);
            AddAttributes(field);
        }
        foreach (PropertyDefinition property in type.Properties)
            AddAttributes(property);
        foreach (EventDefinition @event in type.Events)
            AddAttributes(@event);
        foreach (MethodDefinition method in type.Methods)
            AddMethod(method);
    }

    private void AddMethod(MethodDefinition method)
    {
        AddSignature(method);
        AddAttributes(method);
        AddAttributes(method.MethodReturnType);
        AddParameters(method);
        foreach (ParameterDefinition parameter in method.Parameters)
            AddAttributes(parameter);
        foreach (MethodReference overridden in method.Overrides)
            AddMember(overridden);
        if (!method.HasBody)
            return;
        foreach (VariableDefinition local in method.Body.Variables)
            Add(local.VariableType);
        foreach (ExceptionHandler handler in method.Body.ExceptionHandlers)
            Add(handler.CatchType);
        foreach (Instruction instruction in method.Body.Instructions)
            AddOperand(instruction.Operand);
    }

    private void AddOperand(object? operand)
    {
        switch (operand)
        {
            case TypeReference type:
                Add(type);
                break;
            case MemberReference member:
                AddMember(member);
                break;
            case CallSite site:
                AddSignature(site);
                break;
        }
    }

    private void AddMember(MemberReference member)
    {
        Add(member.DeclaringType);
        if (member is FieldReference field)
            Add(field.FieldType);
        if (member is MethodReference method)
            AddSignature(method);
        if (member is GenericInstanceMethod instance)
        {
            foreach (TypeReference argument in instance.GenericArguments)
                Add(argument);
        }
    }

    private void AddSignature(IMethodSignature method)
    {
        Add(method.ReturnType);
        foreach (ParameterDefinition parameter in method.Parameters)
            Add(parameter.ParameterType);
    }

    private void AddParameters(IGenericParameterProvider owner)
    {
        foreach (GenericParameter parameter in owner.GenericParameters)
        {
            AddAttributes(parameter);
            foreach (GenericParameterConstraint constraint in parameter.Constraints)
                Add(constraint.ConstraintType);
        }
    }

    private void AddAttributes(ICustomAttributeProvider owner)
    {
        foreach (CustomAttribute attribute in owner.CustomAttributes)
        {
            Add(attribute.AttributeType);
            foreach (CustomAttributeArgument argument in attribute.ConstructorArguments
                .Concat(attribute.Properties.Select(property => property.Argument))
                .Concat(attribute.Fields.Select(field => field.Argument)))
            {
                Add(argument.Type);
                if (argument.Value is TypeReference value)
                    Add(value);
            }
        }
    }

    private void Add(TypeReference? type)
    {
        switch (type)
        {
            case null or GenericParameter:
                break;
            case TypeDefinition definition:
                if (definition.Module == _module)
                    _found.Add(definition);
                break;
            case FunctionPointerType pointer:
                AddSignature(pointer);
                break;
            case TypeSpecification specification:
                AddSpecification(specification);
                break;
        }
    }

    private void AddSpecification(TypeSpecification specification)
    {
        Add(specification.ElementType);
        if (specification is GenericInstanceType generic)
        {
            foreach (TypeReference argument in generic.GenericArguments)
                Add(argument);
        }
        if (specification is IModifierType modified)
            Add(modified.ModifierType);
    }
}
